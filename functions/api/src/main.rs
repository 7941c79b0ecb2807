//! Placeholder until the handlers land.
fn main() {}
