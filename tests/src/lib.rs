//! The world the end-to-end tests run in.
