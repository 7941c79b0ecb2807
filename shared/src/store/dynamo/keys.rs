//! Every key of the table, and every index key. Nobody else formats or reads one.
//!
//! | record | pk, sk | `list` | `by_owner` | `work` |
//! |---|---|---|---|---|
//! | schema version | `SCHEMA`, `META` | | | |
//! | account | `ACCOUNT#<id>`, `META` | `ACCOUNT`, id | | |
//! | address of an account | `UNIQUE#ACCOUNT#<provider>#<email in lower case, or none>`, `META` | | | |
//! | default account | `DEFAULT`, provider | | | |
//! | default fallback | `FALLBACK`, `META` | | | |
//! | request | `REQUEST#<id>`, `META` | `REQUEST#<status>`, id | `ACCOUNT#<id>#REQUEST#<status>`, id | `WORK#<shard>`, wake time |
//! | owner of an order | `ORDER#<SHA-256 of its URL>`, `META` (TTL) | | | |
//! | newest request of a set | `INFLIGHT#<account>#<set>`, `META` (TTL) | | | |
//! | idempotency | `IDEMPOTENCY#<key>`, `META` (TTL one day) | | | |
//! | certificate | `CERTIFICATE#<id>`, `META` | `CERTIFICATE#<status>#<source>#<wildcard or plain>`, id | | |
//! | older version | `CERTIFICATE#<id>`, `VERSION#<n>` | | | |
//! | fingerprint | `UNIQUE#FINGERPRINT#<fingerprint>`, `META` | | | |
//! | certificate by name | `NAME#<a name of it, or one above up to the registered domain>`, id | | | |
//! | certificates of a set | `NAMES#<set>`, id | | | |
//! | key that others may have | `COMPROMISED#<SHA-256 of the public key>`, `META` | | | |
//! | binding | `CERTIFICATE#<id>`, `BINDING#<website>` | `BINDING#active` or `…#inactive`, ids | | |
//! | active binding of a website | `WEBSITE#<id>`, `BINDING` | | | |
//! | renewal | `CERTIFICATE#<id>`, `RENEWAL` | `EXPIRY#<shard>`, end and id | | `RENEW#<shard>`, next look |
//! | TXT value | `TXT#<fqdn>`, value, request and zone | `TXT#<desired state>`, created | `REQUEST#<id>#TXT`, name and value | `CLEANUP#<shard>`, due time; once gone `FORGET#<shard>` |
//! | CA in trouble | `PROVIDER`, id | | | |
//! | heartbeat | `WORKER`, worker (TTL one day) | | | |
//! | next wake | `WAKE`, `DUE` or `LOOKOUT` | | | |
//! | rate bucket | `RATE#<provider>#<kind>#<of whom>`, `META` (TTL) | | | |
//! | reservation | `RESERVED#<id>`, part (TTL one week) | | | |
//! | chore | `CHORE#<name>`, `META` | | | `CHORE`, due time |
//! | id counter | `COUNTER#<kind>`, `META` | | | |
//! | counters of lists that a row moves between, an attribute each | `COUNT#<lists>`, `T#<shard>` | | | |
//! | sealed secret (`vault/envelope.rs`) | `KEY#<name>`, `META` (TTL once deleted) | `KEY`, name | | |

use certmint_core::{
    certificate::{Binding, CertificateSource, CertificateStatus, KeyPlan},
    challenge::{DesiredState, TxtRecord},
    issuance::RequestStatus,
    provider::RateKey,
    words::{
        AccountId, CertificateId, DomainName, Email, Fqdn, NameSet, ProviderId, RequestId, Timestamp, hex,
        set_key,
    },
};
use sha2::{Digest, Sha256};

/// Primary key attributes: (partition, sort).
pub const PRIMARY: (&str, &str) = ("pk", "sk");
/// Index name → its key attributes. `work` holds what is due, `list` what is listed, `by_owner` what belongs
/// to something.
pub const INDEXES: [(&str, &str, &str); 3] = [
    ("work", "work_pk", "work_sk"),
    ("list", "list_pk", "list_sk"),
    ("by_owner", "owner_pk", "owner_sk"),
];
/// Index name → what it holds beside keys: what lists are narrowed by. Whole items are read from the table.
pub const PROJECTED: [(&str, &[&str]); 3] = [
    // Whose hands a request is in: what the living hold is nobody else's work.
    ("work", &["lease_owner"]),
    (
        "list",
        &["status", "attempts", "provider_id", "email", "deleted_at"],
    ),
    ("by_owner", &["attempts"]),
];
/// Seconds since the epoch at which DynamoDB may delete an item.
pub const TTL: &str = "ttl";
/// Partitions that a hot key is spread over.
pub(super) const SHARDS: u64 = 8;

/// The sort key of a partition's one item, or of its main one.
const META: &str = "META";
pub(super) const VERSION: &str = "VERSION#";
const BINDING: &str = "BINDING#";

/// Fixed-width text that sorts as the number does. No counter gets that far.
pub(super) fn pad(id: u64) -> String {
    format!("{:012}", id.min(999_999_999_999))
}

/// The same of a number that others chose.
pub(super) fn pad_any(id: u64) -> String {
    format!("{id:020}")
}

/// An item's primary key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// Addresses that differ in case are one; no address is one too, and no address has its word.
fn one_case(email: Option<&Email>) -> String {
    email.map_or_else(|| "none".to_owned(), |email| email.as_str().to_ascii_lowercase())
}

fn key(pk: impl Into<String>, sk: impl Into<String>) -> Key {
    let (pk, sk) = (pk.into(), sk.into());
    Key { pk, sk }
}

/// One line a record: its partition key, its sort key.
macro_rules! keys {
    ($($record:ident($($of:ident: $type:ty),*) = $pk:expr, $sk:expr;)*) => {
        $(pub(crate) fn $record($($of: $type),*) -> Key { key($pk, $sk) })*
    };
}

keys! {
    schema() = "SCHEMA", META;
    account(id: AccountId) = format!("ACCOUNT#{id}"), META;
    address(provider: ProviderId, email: Option<&Email>) = format!("UNIQUE#ACCOUNT#{provider}#{}", one_case(email)), META;
    default_account(provider: ProviderId) = "DEFAULT", pad(provider.get());
    fallback() = "FALLBACK", META;
    request(id: RequestId) = format!("REQUEST#{id}"), META;
    order(url: &str) = format!("ORDER#{}", hex(&Sha256::digest(url))), META;
    idempotency(of: &str) = format!("IDEMPOTENCY#{of}"), META;
    certificate(id: CertificateId) = format!("CERTIFICATE#{id}"), META;
    version(id: CertificateId, number: u64) = certificate(id).pk, format!("{VERSION}{}", pad(number));
    renewal(id: CertificateId) = certificate(id).pk, "RENEWAL";
    binding(id: CertificateId, website: u64) = certificate(id).pk, format!("{BINDING}{}", pad_any(website));
    website(id: u64) = format!("WEBSITE#{id}"), "BINDING";
    fingerprint(of: &str) = format!("UNIQUE#FINGERPRINT#{of}"), META;
    same_names(names: &[DomainName], id: CertificateId) = format!("NAMES#{}", set_key(names)), pad(id.get());
    compromised(key_id: &str) = format!("COMPROMISED#{key_id}"), META;
    txt(fqdn: &Fqdn, value: &str, owner: RequestId, zone: &str) = format!("TXT#{fqdn}"), format!("{value}#{owner}#{zone}");
    provider(id: ProviderId) = "PROVIDER", pad(id.get());
    worker(name: &str) = "WORKER", name;
    wake(kind: &str) = "WAKE", kind;
    rate(bucket: &RateKey) = format!("RATE#{}", bucket.as_str()), META;
    reservation(id: &str, part: usize) = format!("RESERVED#{id}"), part.to_string();
    chore(name: &str) = format!("CHORE#{name}"), META;
    id_counter(kind: &str) = format!("COUNTER#{kind}"), META;
    secret(name: &str) = format!("KEY#{name}"), META;
}

/// Another profile or another key makes another certificate of the same names.
pub(super) fn flight(account: AccountId, names: &NameSet, plan: &KeyPlan, profile: Option<&str>) -> Key {
    let set = plan.flight_key(names);
    let profile = profile.map_or_else(String::new, |profile| format!("#{profile}"));
    key(format!("INFLIGHT#{account}#{set}{profile}"), META)
}

/// The places of a certificate with this name: the name, and each above it up to the registered domain.
pub(super) fn names(name: &DomainName, id: CertificateId) -> Vec<Key> {
    let (text, least) = (name.as_str(), name.registered().len());
    let starts = std::iter::once(0).chain(text.match_indices('.').map(|(at, _)| at + 1));
    starts
        .map(|start| &text[start..])
        .filter(|above| above.len() >= least)
        .map(|above| key(named(above), pad(id.get())))
        .collect()
}
/// A list whose rows are counted. Lists that a row moves between are counted in the same items: a move is one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    text: String,
    family: String,
    member: String,
}

impl List {
    fn new(text: impl Into<String>, family: impl Into<String>, member: &str) -> Self {
        let (text, family, member) = (text.into(), family.into(), member.to_owned());
        Self { text, family, member }
    }
    pub(super) fn accounts() -> Self {
        Self::new("ACCOUNT", "ACCOUNT", "active")
    }
    pub(super) fn requests(status: RequestStatus) -> Self {
        let word = status.as_str();
        Self::new(format!("REQUEST#{word}"), "REQUEST#ALL", word)
    }
    pub(super) fn requests_of(account: AccountId, status: RequestStatus) -> Self {
        Self::new("", format!("REQUEST#A{account}"), status.as_str())
    }
    pub(super) fn certificates(status: CertificateStatus, source: CertificateSource, wildcard: bool) -> Self {
        let kind = if wildcard { "wildcard" } else { "plain" };
        let (status, source) = (status.as_str(), source.as_str());
        Self::stored(&format!("CERTIFICATE#{status}#{source}#{kind}"))
    }
    /// Those of an account that are not deleted. Counted only.
    pub(super) fn certificates_of(account: AccountId) -> Self {
        Self::new("", format!("CERTIFICATE#A{account}"), "kept")
    }
    pub(super) fn bindings(active: bool) -> Self {
        let word = active_word(active);
        Self::new(format!("{BINDING}{word}"), "BINDING#ALL", word)
    }
    /// Counted only.
    pub(super) fn bindings_of(id: CertificateId, active: bool) -> Self {
        Self::new("", format!("{BINDING}C{id}"), active_word(active))
    }
    pub(super) fn txt(desired: DesiredState) -> Self {
        Self::new(format!("TXT#{}", desired.as_str()), "TXT#ALL", desired.as_str())
    }
    /// Of certificates, as an item's attribute has it.
    pub(super) fn stored(text: &str) -> Self {
        let member = text.strip_prefix("CERTIFICATE#").unwrap_or(text);
        Self::new(text, "CERTIFICATE#ALL", &member.replace('#', "_"))
    }
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
    /// The attribute that counts it.
    pub(super) fn member(&self) -> &str {
        &self.member
    }
    /// The item that counts a row with this id.
    pub(super) fn counter(&self, id: u64) -> Key {
        key(format!("COUNT#{}", self.family), format!("T#{}", id % SHARDS))
    }
    /// All items that count it.
    pub(super) fn counters(&self) -> impl Iterator<Item = Key> {
        (0..SHARDS).map(|shard| self.counter(shard))
    }
}

pub(super) const fn active_word(active: bool) -> &'static str {
    if active { "active" } else { "inactive" }
}

/// What a range or a place is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    Table,
    Work,
    List,
    Owner,
}

impl Index {
    const fn row(self) -> Option<(&'static str, &'static str, &'static str)> {
        match self {
            Self::Table => None,
            Self::Work => Some(INDEXES[0]),
            Self::List => Some(INDEXES[1]),
            Self::Owner => Some(INDEXES[2]),
        }
    }
    pub(super) fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.0)
    }
    /// Attribute names of partition and sort key.
    pub(crate) const fn attributes(self) -> (&'static str, &'static str) {
        match self.row() {
            None => PRIMARY,
            Some((_, partition, sort)) => (partition, sort),
        }
    }
}

/// The partition of all certificates with this name or one below it.
pub(super) fn named(name: &str) -> String {
    format!("NAME#{name}")
}
/// The partition of an account's requests with a status.
pub(super) fn requests_of(account: AccountId, status: RequestStatus) -> String {
    format!("ACCOUNT#{account}#REQUEST#{}", status.as_str())
}
/// The partition of the TXT values of a request that are not gone.
pub(super) fn values_of(request: RequestId) -> String {
    format!("REQUEST#{request}#TXT")
}
/// The partition of a certificate's end.
pub(super) fn ends(spread: u64) -> String {
    format!("EXPIRY#{}", spread % SHARDS)
}

/// An item's place in an index.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) index: Index,
    pub(crate) pk: String,
    pub(crate) sk: String,
}

fn listed(list: &List, sk: String) -> Place {
    let (index, pk) = (Index::List, list.text.clone());
    Place { index, pk, sk }
}

/// In a list that is in the order of ids.
pub(super) fn listed_by_id(list: &List, id: u64) -> Place {
    listed(list, pad(id))
}
pub(super) fn listed_request(id: RequestId, account: AccountId, status: RequestStatus) -> [Place; 2] {
    let pk = requests_of(account, status);
    let (index, sk) = (Index::Owner, pad(id.get()));
    [
        listed_by_id(&List::requests(status), id.get()),
        Place { index, pk, sk },
    ]
}
pub(super) fn listed_binding(binding: &Binding) -> Place {
    let (certificate, website) = (pad(binding.certificate_id.get()), pad_any(binding.website_id));
    let sk = format!("{certificate}#{website}");
    listed(&List::bindings(binding.active), sk)
}
pub(super) fn listed_txt(record: &TxtRecord) -> Place {
    listed(&List::txt(record.desired_state), record.place())
}
/// A sealed secret, by its name.
pub(crate) fn listed_secret(name: &str) -> Place {
    listed(&List::new("KEY", "KEY", "kept"), name.to_owned())
}
pub(super) fn ending(id: CertificateId, at: Timestamp) -> Place {
    let sk = format!("{}#{}", at.sort_key(), pad(id.get()));
    listed(&List::new(ends(id.get()), "EXPIRY", "kept"), sk)
}
pub(super) fn txt_of(record: &TxtRecord) -> Place {
    let pk = values_of(record.owner_id);
    let (index, sk) = (Index::Owner, format!("{}#{}", record.fqdn, record.value));
    Place { index, pk, sk }
}

/// A kind of work that comes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Requests,
    Renewals,
    Cleanup,
    Forget,
    Chores,
}

impl Work {
    const fn word(self) -> &'static str {
        match self {
            Self::Requests => "WORK",
            Self::Renewals => "RENEW",
            Self::Cleanup => "CLEANUP",
            Self::Forget => "FORGET",
            Self::Chores => "CHORE",
        }
    }
    /// Chores are few: they are in one partition, in their order.
    pub(super) fn partitions(self) -> Vec<String> {
        match self {
            Self::Chores => vec![self.word().into()],
            _ => (0..SHARDS).map(|n| format!("{}#{n}", self.word())).collect(),
        }
    }
}

/// Due at a moment; `spread` chooses the shard.
pub(super) fn due(work: Work, spread: u64, at: Timestamp) -> Place {
    let partitions = work.partitions();
    let shard = usize::try_from(spread % partitions.len() as u64).unwrap_or_default();
    let pk = partitions.into_iter().nth(shard).unwrap_or_default();
    let (index, sk) = (Index::Work, at.sort_key());
    Place { index, pk, sk }
}
/// Values of one name are in one shard.
pub(super) fn spread(fqdn: &Fqdn) -> u64 {
    fqdn.as_str().bytes().map(u64::from).sum()
}

/// The zone's id in the sort key of a TXT value.
pub(super) fn zone_of_txt(sk: &str) -> Option<&str> {
    Some(sk.rsplit_once('#')?.1)
}

/// The id in a partition key such as `REQUEST#7`.
pub(super) fn request_in(pk: &str) -> Option<RequestId> {
    pk.strip_prefix("REQUEST#")?.parse().ok()
}
pub(super) fn certificate_in(pk: &str) -> Option<CertificateId> {
    pk.strip_prefix("CERTIFICATE#")?.parse().ok()
}
/// The id that a sort key is.
pub(super) fn id_in(sk: &str) -> Option<u64> {
    sk.parse().ok()
}
/// The end and the certificate in a place of the list of renewals.
pub(super) fn ending_in(sk: &str) -> Option<(Timestamp, CertificateId)> {
    let (end, id) = sk.split_once('#')?;
    Some((
        Timestamp::from_millis(end.parse().ok()?),
        CertificateId::new(id_in(id)?),
    ))
}
/// The binding that a place in its list is.
pub(super) fn binding_in(pk: &str, sk: &str) -> Option<Binding> {
    let (certificate_id, website_id) = sk.split_once('#')?;
    Some(Binding {
        certificate_id: CertificateId::new(id_in(certificate_id)?),
        website_id: id_in(website_id)?,
        active: pk == List::bindings(true).text,
    })
}
/// Whether an item that hangs on a certificate is an older version of it.
pub(super) fn is_version(key: &Key) -> bool {
    key.sk.starts_with(VERSION)
}
/// The binding that an item that hangs on a certificate is, if it is one.
pub(super) fn website_in(key: &Key) -> Option<u64> {
    key.sk.strip_prefix(BINDING)?.parse().ok()
}
