//! What the answers of an ACME server mean for an issuance. How they come is the adapter's business.

mod invalid_order;
mod meaning;

pub use self::{
    invalid_order::invalid_order,
    meaning::{classify, no_directory, refuses_replacement, said},
};
