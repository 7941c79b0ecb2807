//! What a renewal asks for: the same names, profile and kind of key as the certificate that it takes the place of.

use crate::{
    certificate::{Certificate, KeyPlan, RenewalTerms},
    issuance::{Fallback, NewRequest, Request},
    words::{AccountId, NameSet},
    x509::chain::{key_algorithm, key_id_of},
};

/// A certificate that is to be renewed, and the request that made it, which says whose key it is and which accounts to
/// ask in which order. That the first ones could not be used then says nothing of now.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// The account that has it: it cannot have been deleted since.
    pub account_id: AccountId,
    /// Its names.
    pub names: NameSet,
    /// How it is renewed.
    pub terms: RenewalTerms,
    /// `None`: it is there no more.
    pub made_by: Option<Request>,
}

/// Why there can be no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// The client has the key, and its CSR went with the request.
    WithoutCsr,
    /// Somebody else may have the client's key.
    GivenAway,
}

impl NoKey {
    /// How the certificate stands, in words.
    #[must_use]
    pub const fn state(self) -> &'static str {
        match self {
            Self::WithoutCsr => "without its CSR",
            Self::GivenAway => "made for a CSR whose key was revoked for keyCompromise",
        }
    }
}

impl Origin<'_> {
    /// The first account of the request that made it.
    #[must_use]
    pub fn first_account(&self) -> AccountId {
        self.made_by.as_ref().map_or(self.account_id, |r| r.account_id)
    }

    /// The list that a client chose for the request that made it; `None`: the default one by now counts.
    #[must_use]
    pub fn own_fallback(&self) -> Option<Fallback> {
        let made_by = self.made_by.as_ref();
        made_by.map(|r| &r.fallback).filter(|f| f.own).cloned()
    }

    /// The [id](key_id_of) of the client's key, if it has one: whether that was given away is to be known.
    #[must_use]
    pub fn client_key(&self) -> Option<String> {
        match self.made_by.as_ref()?.key {
            KeyPlan::Client { .. } => key_id_of(&self.certificate.cert_pem),
            KeyPlan::Us { .. } => None,
        }
    }

    /// The request that renews it. Of the first account and `fallback` those are asked that `exist`; `given_away` says
    /// whether somebody else may have the [client's key](Self::client_key).
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn request(
        self,
        fallback: Fallback,
        exists: impl Fn(AccountId) -> bool,
        given_away: bool,
    ) -> Result<NewRequest, NoKey> {
        let first = self.first_account();
        let all = std::iter::once(first).chain(fallback.accounts);
        let mut kept = all.filter(|id| *id == self.account_id || exists(*id));
        let account_id = kept.next().unwrap_or(self.account_id);
        let accounts = kept.collect();
        let certificate = self.certificate;
        Ok(NewRequest {
            profile: certificate.profile.clone(),
            renews: Some(certificate.id),
            fallback: Fallback {
                accounts,
                own: fallback.own,
            },
            key: self.key(given_away)?,
            renew_as: self.terms.renew_as,
            ..NewRequest::new(account_id, self.names)
        })
    }

    fn key(&self, given_away: bool) -> Result<KeyPlan, NoKey> {
        let (certificate, reuse) = (self.certificate, self.terms.reuse_key);
        match self.made_by.as_ref().map(|r| &r.key) {
            Some(KeyPlan::Client { .. }) if given_away || certificate.is_compromised() => {
                Err(NoKey::GivenAway)
            }
            Some(client @ KeyPlan::Client { .. }) => Ok(client.clone()),
            Some(KeyPlan::Us { algorithm, .. }) => Ok(KeyPlan::Us {
                algorithm: *algorithm,
                reuse,
            }),
            None if certificate.has_key() => {
                let algorithm = key_algorithm(&certificate.cert_pem).and_then(|word| word.parse().ok());
                Ok(KeyPlan::Us {
                    algorithm: algorithm.unwrap_or_default(),
                    reuse,
                })
            }
            None => Err(NoKey::WithoutCsr),
        }
    }
}
