//! The certificate authority: what we ask of one, and the client of ACME servers (RFC 8555).

mod accounts;
mod answer;
mod ca;
mod call;
mod chains;
mod client;
mod directory;
mod eab;
mod jws;
mod known;
mod links;
mod nonces;
mod orders;
mod problem;
mod renewal_info;
mod revocation;
mod server;
mod transport;

pub use self::{
    ca::{
        AccountKey, AcmeAccounts, AcmeOrders, AcmeRenewalInfo, AcmeRevocation, Ca, CaAccount, Eab,
        OrderTerms, OrderView,
    },
    client::AcmeCa,
    eab::{EabKeyError, decode_eab_key},
    renewal_info::certificate_id,
    transport::SetupError,
};
