//! certmint on one machine.
