//! `certmint local`.

fn main() {}
