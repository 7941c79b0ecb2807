//! What a renewal asks for: the same names, profile and kind of key as the certificate that it takes the place of.

use crate::{
    certificate::{Certificate, KeyPlan, RenewalTerms},
    issuance::{Fallback, NewRequest, Request},
    words::{AccountId, NameSet},
    x509::certificate::{key_algorithm, key_id_of},
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate::{CertificateSource, KeyAlgorithm, Lifecycle, Revocation, RevocationReason, RevokedBy},
        words::{CertificateId, RequestId, Timestamp},
    };

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn account(id: u64) -> AccountId {
        AccountId::new(id)
    }

    fn names() -> NameSet {
        NameSet::parse(&["example.com"]).expect("names")
    }

    fn certificate() -> Certificate {
        Certificate {
            id: CertificateId::new(7),
            fingerprint: "01".into(),
            serial: "01".into(),
            issuer: "CN=CA".into(),
            names: names().as_slice().to_vec(),
            not_before: NOW,
            expires_at: NOW,
            cert_pem: String::new(),
            chain_pem: String::new(),
            key_ref: "certificate-key/1-order0".into(),
            source: CertificateSource::Acme,
            account_id: Some(account(1)),
            provider: "ca".into(),
            request_id: Some(RequestId::new(1)),
            profile: Some("short".into()),
            version: 1,
            created_at: NOW,
            updated_at: NOW,
            lifecycle: Lifecycle::default(),
        }
    }

    fn made_by(first: u64, fallback: &[u64], own: bool, key: KeyPlan) -> Option<Request> {
        let accounts = fallback.iter().copied().map(account).collect();
        let new = NewRequest {
            fallback: Fallback { accounts, own },
            key,
            ..NewRequest::new(account(first), names())
        };
        Some(Request::pending(RequestId::new(1), new, 10, NOW))
    }

    fn origin(certificate: &Certificate, made_by: Option<Request>) -> Origin<'_> {
        let terms = RenewalTerms {
            reuse_key: true,
            ..RenewalTerms::default()
        };
        Origin {
            certificate,
            account_id: account(1),
            names: names(),
            terms,
            made_by,
        }
    }

    fn clients_key() -> KeyPlan {
        KeyPlan::Client {
            csr: "csr".into(),
            algorithm: KeyAlgorithm::default(),
        }
    }

    #[test]
    fn accounts_are_asked_in_the_order_of_the_first_request_but_for_deleted_ones() {
        let certificate = certificate();
        // The second account made it: the first could not be used then.
        let origin = origin(&certificate, made_by(2, &[1, 3], true, KeyPlan::default()));
        assert_eq!(origin.first_account(), account(2));
        let fallback = origin.own_fallback().expect("its own list");
        let all = origin.clone().request(fallback.clone(), |_| true, false);
        let all = all.expect("a request");
        assert_eq!(all.account_id, account(2));
        assert_eq!(all.fallback, fallback);
        assert_eq!(
            (all.renews, all.profile.as_deref()),
            (Some(certificate.id), Some("short"))
        );
        let alone = origin.request(fallback, |_| false, false).expect("a request");
        assert_eq!(alone.account_id, account(1), "the certificate's own is there");
        assert!(alone.fallback.accounts.is_empty());
    }

    #[test]
    fn a_list_that_no_client_chose_is_the_default_by_now() {
        let certificate = certificate();
        let origin = origin(&certificate, made_by(1, &[2], false, KeyPlan::default()));
        assert_eq!(origin.own_fallback(), None);
        let default = Fallback {
            accounts: vec![account(3)],
            own: false,
        };
        let new = origin
            .request(default.clone(), |_| true, false)
            .expect("a request");
        assert_eq!(new.fallback, default);
    }

    #[test]
    fn our_key_is_made_again_as_the_terms_say() {
        let certificate = certificate();
        let algorithm = KeyAlgorithm::Rsa2048;
        let made = made_by(1, &[], true, KeyPlan::ours(algorithm));
        let new = origin(&certificate, made).request(Fallback::default(), |_| true, true);
        let reuse = true;
        assert_eq!(new.expect("a request").key, KeyPlan::Us { algorithm, reuse });
    }

    #[test]
    fn a_clients_key_needs_its_csr_and_that_nobody_else_has_it() {
        let kept = certificate();
        let revoked = Certificate {
            lifecycle: Lifecycle {
                revocation: Some(Revocation {
                    reason: RevocationReason::KeyCompromise,
                    by: RevokedBy::Account,
                    asked_at: NOW,
                    revoked_at: Some(NOW),
                    error: None,
                }),
                ..Lifecycle::default()
            },
            ..certificate()
        };
        let lost = Certificate {
            key_ref: String::new(),
            ..certificate()
        };
        let csr = || made_by(1, &[], true, clients_key());
        for (certificate, made_by, given_away, key) in [
            (&kept, csr(), false, Ok(clients_key())),
            (&kept, csr(), true, Err(NoKey::GivenAway)),
            (&revoked, csr(), false, Err(NoKey::GivenAway)),
            (&lost, None, false, Err(NoKey::WithoutCsr)),
            (
                &kept,
                None,
                false,
                Ok(KeyPlan::Us {
                    algorithm: KeyAlgorithm::default(),
                    reuse: true,
                }),
            ),
        ] {
            let new = origin(certificate, made_by).request(Fallback::default(), |_| true, given_away);
            assert_eq!(new.map(|new| new.key), key);
        }
    }
}
