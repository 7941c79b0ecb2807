//! Which function answers a call.

/// A function behind the API's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// `functions/api`: what no other one has.
    Api,
    /// `functions/download`: what hands out private keys.
    Download,
}

/// What handlers work with says which function serves them.
pub(super) trait Served {
    const BY: Server;
}
