//! What is known of public CAs, so that a deployment names them and no more.

use super::{limits::Limits, order_rules::OrderRules};
use crate::words::ProviderId;

/// A CA whose directory belongs to everybody.
pub(super) struct KnownCa {
    pub(super) id: ProviderId,
    pub(super) name: &'static str,
    pub(super) directory_url: &'static str,
    pub(super) requires_eab: bool,
    /// Why it issues no more.
    pub(super) retired: Option<&'static str>,
}

const fn ca(id: u64, name: &'static str, directory_url: &'static str, requires_eab: bool) -> KnownCa {
    KnownCa {
        id: ProviderId::new(id),
        name,
        directory_url,
        requires_eab,
        retired: None,
    }
}

/// All of them. Ids are for good: accounts name them.
pub(super) const KNOWN: [KnownCa; 6] = [
    // https://letsencrypt.org/docs/acme-protocol-updates/
    ca(
        1,
        "letsencrypt",
        "https://acme-v02.api.letsencrypt.org/directory",
        false,
    ),
    // https://cloud.google.com/certificate-manager/docs/public-ca-tutorial
    ca(2, "google", "https://dv.acme-v02.api.pki.goog/directory", true),
    // https://letsencrypt.org/docs/staging-environment/
    ca(
        3,
        "letsencrypt-staging",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
        false,
    ),
    ca(
        4,
        "google-staging",
        "https://dv.acme-v02.test-api.pki.goog/directory",
        true,
    ),
    // https://zerossl.com/documentation/acme/
    ca(5, "zerossl", "https://acme.zerossl.com/v2/DV90", true),
    // https://www.buypass.com/products/tls-ssl-certificates/go-ssl
    KnownCa {
        retired: Some("Buypass has issued no TLS certificates since 31 October 2025; use another provider"),
        ..ca(6, "buypass", "https://api.buypass.com/acme/directory", false)
    },
];

/// What is known of a directory by its host.
pub(super) struct KnownHost {
    pub(super) requires_eab: bool,
    pub(super) limits: Limits,
    pub(super) orders: OrderRules,
}

fn host(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    authority.split(':').next().unwrap_or_default()
}

/// An ACME endpoint of AWS Certificate Manager: `acm-acme-enroll.<region>.api.aws`, one directory a customer's
/// endpoint. Names are validated beforehand there, so orders come with valid authorizations and no TXT is written;
/// an order may take minutes. No limit is published for it.
// https://docs.aws.amazon.com/acm/latest/userguide/acm-acme-endpoints.html
fn is_aws(host: &str) -> bool {
    host.starts_with("acm-acme-enroll.") && host.ends_with(".api.aws")
}

/// What holds for a directory that nothing else is said of; `None`: a CA of somebody's own.
pub(super) fn known_host(directory_url: &str) -> Option<KnownHost> {
    let host = host(directory_url);
    let limits = match host {
        "acme-v02.api.letsencrypt.org" => Limits::LETS_ENCRYPT,
        "acme-staging-v02.api.letsencrypt.org" => Limits::LETS_ENCRYPT_STAGING,
        "dv.acme-v02.api.pki.goog" | "dv.acme-v02.test-api.pki.goog" => Limits::GOOGLE,
        _ => Limits::NONE,
    };
    let orders = match host {
        "acme-v02.api.letsencrypt.org" | "acme-staging-v02.api.letsencrypt.org" => OrderRules::lets_encrypt(),
        // Google Trust Services takes 100 names (its quotas page), ZeroSSL too (acme.sh's comparison of CAs); neither says
        // that it refuses covered names.
        _ => OrderRules::public(),
    };
    let by_url = KNOWN.iter().find(|ca| self::host(ca.directory_url) == host);
    match by_url {
        Some(ca) => Some(KnownHost {
            requires_eab: ca.requires_eab,
            limits,
            orders,
        }),
        None if is_aws(host) => Some(KnownHost {
            requires_eab: true,
            limits,
            orders,
        }),
        None => None,
    }
}
