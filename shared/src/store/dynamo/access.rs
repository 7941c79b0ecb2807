//! Who owns which keys, for checks of roles and of the template: a key that no path owns is a mistake.

/// One kind of item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessPath {
    /// What it is.
    pub record: &'static str,
    /// The file that writes it.
    pub owner: &'static str,
    /// What its partition key starts with, or is if it ends in no `#`.
    pub partition: &'static str,
    /// What its sort key starts with; empty where others chose it.
    pub sort: &'static str,
    /// The indexes that it may be in.
    pub indexes: &'static [&'static str],
    /// Whether DynamoDB may delete it at a time.
    pub expires: bool,
    /// The functions that write it, as `start::CALLS` names them: their roles may, and no other one's.
    pub writers: &'static [&'static str],
}

impl AccessPath {
    /// The partition keys as a policy's condition has them.
    #[must_use]
    pub fn pattern(&self) -> String {
        match self.partition.ends_with(['#', '/', '-']) {
            true => format!("{}*", self.partition),
            false => self.partition.to_owned(),
        }
    }
}

const fn path(
    record: &'static str,
    owner: &'static str,
    (partition, sort): (&'static str, &'static str),
    indexes: &'static [&'static str],
    writers: &'static [&'static str],
) -> AccessPath {
    AccessPath {
        record,
        owner,
        partition,
        sort,
        indexes,
        expires: false,
        writers,
    }
}

const fn expires(path: AccessPath) -> AccessPath {
    AccessPath {
        expires: true,
        ..path
    }
}

const API: &[&str] = &["Api"];
const WORKER: &[&str] = &["Worker"];
const BOTH: &[&str] = &["Api", "Worker"];
const LEDGER: &[&str] = &["Worker", "Cleanup"];

const NONE: &[&str] = &[];

/// Every kind of item.
pub const ACCESS_PATHS: &[AccessPath] = &[
    path(
        "schema version",
        "schema_version.rs",
        ("SCHEMA", "META"),
        NONE,
        BOTH,
    ),
    path("account", "accounts.rs", ("ACCOUNT#", "META"), &["list"], BOTH),
    path(
        "address of an account",
        "accounts.rs",
        ("UNIQUE#ACCOUNT#", "META"),
        NONE,
        API,
    ),
    path(
        "default account",
        "account_lifecycle.rs",
        ("DEFAULT", "0"),
        NONE,
        API,
    ),
    path(
        "default fallback",
        "account_lifecycle.rs",
        ("FALLBACK", "META"),
        NONE,
        API,
    ),
    path(
        "request",
        "request_items.rs",
        ("REQUEST#", "META"),
        &["list", "by_owner", "work"],
        BOTH,
    ),
    expires(path(
        "newest request of a set",
        "flight.rs",
        ("INFLIGHT#", "META"),
        NONE,
        BOTH,
    )),
    expires(path(
        "owner of an order",
        "orders.rs",
        ("ORDER#", "META"),
        NONE,
        WORKER,
    )),
    expires(path(
        "idempotency",
        "idempotency.rs",
        ("IDEMPOTENCY#", "META"),
        NONE,
        API,
    )),
    path(
        "certificate",
        "certificate_items.rs",
        ("CERTIFICATE#", "META"),
        &["list"],
        BOTH,
    ),
    path(
        "older version",
        "certificate_items.rs",
        ("CERTIFICATE#", "VERSION#"),
        NONE,
        BOTH,
    ),
    path(
        "fingerprint",
        "certificate_items.rs",
        ("UNIQUE#FINGERPRINT#", "META"),
        NONE,
        BOTH,
    ),
    path(
        "certificate by name",
        "name_pointers.rs",
        ("NAME#", "0"),
        NONE,
        BOTH,
    ),
    path(
        "certificates of a set",
        "certificate_items.rs",
        ("NAMES#", "0"),
        NONE,
        BOTH,
    ),
    path(
        "key that others may have",
        "certificate_items.rs",
        ("COMPROMISED#", "META"),
        NONE,
        API,
    ),
    path(
        "binding",
        "bindings.rs",
        ("CERTIFICATE#", "BINDING#"),
        &["list"],
        BOTH,
    ),
    path(
        "active binding of a website",
        "bindings.rs",
        ("WEBSITE#", "BINDING"),
        NONE,
        API,
    ),
    path(
        "renewal",
        "renewal_items.rs",
        ("CERTIFICATE#", "RENEWAL"),
        &["list", "work"],
        BOTH,
    ),
    path(
        "TXT value",
        "challenges.rs",
        ("TXT#", ""),
        &["list", "by_owner", "work"],
        LEDGER,
    ),
    path("CA in trouble", "providers.rs", ("PROVIDER", "0"), NONE, WORKER),
    expires(path("heartbeat", "heartbeats.rs", ("WORKER", ""), NONE, WORKER)),
    path("next wake", "wakes.rs", ("WAKE", ""), NONE, WORKER),
    expires(path("rate bucket", "rates.rs", ("RATE#", "META"), NONE, WORKER)),
    expires(path("reservation", "rates.rs", ("RESERVED#", "0"), NONE, WORKER)),
    path("chore", "chores.rs", ("CHORE#", "META"), &["work"], BOTH),
    path(
        "counter of account ids",
        "counters.rs",
        ("COUNTER#ACCOUNT", "META"),
        NONE,
        API,
    ),
    path(
        "counter of request ids",
        "counters.rs",
        ("COUNTER#REQUEST", "META"),
        NONE,
        BOTH,
    ),
    path(
        "counter of certificate ids",
        "counters.rs",
        ("COUNTER#CERTIFICATE", "META"),
        NONE,
        BOTH,
    ),
    path("count of accounts", "tx.rs", ("COUNT#ACCOUNT", "T#"), NONE, API),
    path("count of requests", "tx.rs", ("COUNT#REQUEST#", "T#"), NONE, BOTH),
    path(
        "count of certificates",
        "tx.rs",
        ("COUNT#CERTIFICATE#", "T#"),
        NONE,
        BOTH,
    ),
    path("count of bindings", "tx.rs", ("COUNT#BINDING#", "T#"), NONE, BOTH),
    path("count of TXT values", "tx.rs", ("COUNT#TXT#", "T#"), NONE, LEDGER),
    expires(path(
        "sealed EAB key",
        "vault/envelope.rs",
        ("KEY#account-eab/", "META"),
        &["list"],
        BOTH,
    )),
    expires(path(
        "sealed account key",
        "vault/envelope.rs",
        ("KEY#account-key/", "META"),
        &["list"],
        WORKER,
    )),
    expires(path(
        "sealed key of an uploaded certificate",
        "vault/envelope.rs",
        ("KEY#certificate-key/upload-", "META"),
        &["list"],
        BOTH,
    )),
    expires(path(
        "sealed key of a certificate",
        "vault/envelope.rs",
        ("KEY#certificate-key/", "META"),
        &["list"],
        WORKER,
    )),
];

#[cfg(test)]
mod tests {
    use certmint_core::{
        certificate::KeyPlan,
        challenge::DesiredState,
        issuance::RequestStatus,
        provider::{Provider, of_name},
        words::{AccountId, CertificateId, DomainName, Fqdn, NameSet, ProviderId, RequestId},
    };

    use super::*;
    use crate::store::dynamo::keys::{self, INDEXES, Key, List};

    fn all_keys() -> Vec<Key> {
        let (account, certificate) = (AccountId::new(1), CertificateId::new(2));
        let (request, provider) = (RequestId::new(3), ProviderId::new(4));
        let names = NameSet::parse(&["a.example.com"]).expect("a name");
        let name: &DomainName = names.as_slice().first().expect("one name");
        let fqdn = Fqdn::new("_acme-challenge.example.com");
        let ca = Provider::new(provider, "ca", "https://ca.test/dir");
        let buckets = of_name(&ca, account, Some(name));
        let bucket = buckets.first().expect("a bucket");
        let lists = [
            List::accounts(),
            List::requests(RequestStatus::Failed),
            List::requests_of(account, RequestStatus::Failed),
            List::certificates_of(account),
            List::bindings(true),
            List::bindings_of(certificate, false),
            List::txt(DesiredState::Absent),
        ];
        let mut all = vec![
            keys::schema(),
            keys::account(account),
            keys::address(provider, Some(&"a@example.com".parse().expect("an address"))),
            keys::default_account(provider),
            keys::fallback(),
            keys::request(request),
            keys::flight(account, &names, &KeyPlan::default(), Some("short")),
            keys::order("https://ca.test/order/1"),
            keys::idempotency("k"),
            keys::certificate(certificate),
            keys::version(certificate, 1),
            keys::fingerprint("aa"),
            keys::same_names(names.as_slice(), certificate),
            keys::compromised("bb"),
            keys::binding(certificate, 7),
            keys::website(7),
            keys::renewal(certificate),
            keys::txt(&fqdn, "value", request, "Z1"),
            keys::provider(provider),
            keys::worker("w"),
            keys::wake("DUE"),
            keys::rate(&bucket.key),
            keys::reservation("r", 0),
            keys::chore("c"),
        ];
        all.extend(["ACCOUNT", "REQUEST", "CERTIFICATE"].map(keys::id_counter));
        let secrets = [
            "account-eab/u",
            "account-key/1",
            "certificate-key/1-order0",
            "certificate-key/upload-aa",
        ];
        all.extend(secrets.map(keys::secret));
        all.extend(keys::names(name, certificate));
        all.extend(lists.iter().flat_map(List::counters));
        all
    }

    fn owners(key: &Key) -> Vec<&'static AccessPath> {
        let is_at = |path: &AccessPath| match path.pattern().strip_suffix('*') {
            Some(start) => key.pk.starts_with(start),
            None => key.pk == path.partition,
        };
        let is = |path: &&AccessPath| is_at(path) && key.sk.starts_with(path.sort);
        ACCESS_PATHS.iter().filter(is).collect()
    }

    #[test]
    fn every_key_has_one_owner_and_every_path_a_key() {
        let all = all_keys();
        for key in &all {
            // The longest prefix is the closest.
            let mut owners = owners(key);
            owners.sort_by_key(|path| std::cmp::Reverse(path.partition.len()));
            let (first, rest) = owners.split_first().expect("an owner");
            assert!(
                rest.iter()
                    .all(|other| other.partition.len() < first.partition.len()),
                "{key:?}"
            );
        }
        for path in ACCESS_PATHS {
            assert!(
                all.iter().any(|key| owners(key).contains(&path)),
                "{path:?} has no key"
            );
            assert!(
                path.indexes
                    .iter()
                    .all(|name| INDEXES.iter().any(|index| index.0 == *name))
            );
        }
    }

    #[test]
    fn names_are_found_at_and_above_them_up_to_the_registered_domain() {
        let found = |name: &str| {
            let name: DomainName = name.parse().expect("a name");
            let keys = keys::names(&name, CertificateId::new(1));
            keys.into_iter().map(|key| key.pk).collect::<Vec<_>>()
        };
        assert_eq!(
            found("*.a.example.co.uk"),
            [
                "NAME#*.a.example.co.uk",
                "NAME#a.example.co.uk",
                "NAME#example.co.uk"
            ]
        );
        assert_eq!(found("example.com"), ["NAME#example.com"]);
    }
}
