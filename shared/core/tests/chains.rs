//! Chains, CSRs and keys as public and private CAs and people make them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod chains {
    pub(crate) mod attributes;
    pub(crate) mod bounded;
    pub(crate) mod judged;
    pub(crate) mod named;
    pub(crate) mod openssl;
    pub(crate) mod ordered;
    pub(crate) mod public_keys;
    pub(crate) mod requests;
    pub(crate) mod signed;
}
