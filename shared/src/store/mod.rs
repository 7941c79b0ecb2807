//! Everything that outlives an invocation.

pub mod schema;
