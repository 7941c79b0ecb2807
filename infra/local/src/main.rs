//! Local mode.
fn main() {}
