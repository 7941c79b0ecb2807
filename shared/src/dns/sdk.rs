//! Route53's answers in our words.

use aws_sdk_route53::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::{ResourceRecordSet, RrType},
};
use certmint_core::words::Fqdn;

use super::{AtName, DnsError, TxtRrset};
use crate::aws_refusal::Refusal;

/// Route53 answers ids with their path (`/hostedzone/Z1`, `/change/C1`) and takes them without.
pub(super) fn bare_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// By error code; the text of the message is for people only.
pub(super) fn translate<E>(operation: &'static str, zone: &str, error: SdkError<E, HttpResponse>) -> DnsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let zone = zone.to_owned();
    match Refusal::of(&error) {
        Some(Refusal::Right) => return DnsError::AccessDenied { operation, zone },
        Some(Refusal::Credentials(why)) => return DnsError::Credentials { operation, why },
        None => {}
    }
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .map(str::to_owned);
    let message = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
        .map(str::to_owned);
    let message = message
        .or_else(|| code.clone())
        .unwrap_or_else(|| error.to_string());
    match code.as_deref() {
        Some("InvalidChangeBatch") => DnsError::Mismatch { zone, message },
        Some("NoSuchHostedZone") => DnsError::NoSuchZone { zone },
        Some(
            "Throttling"
            | "ThrottlingException"
            | "PriorRequestNotComplete"
            | "ServiceUnavailable"
            | "InternalFailure"
            | "RequestExpired",
        )
        | None => DnsError::Unavailable { operation, message },
        Some(_) if matches!(&error, SdkError::ServiceError(_)) => DnsError::Refused { operation, message },
        Some(_) => DnsError::Unavailable { operation, message },
    }
}

/// Adds a record set to what stands at its name.
pub(super) fn note(stands: &mut AtName, set: ResourceRecordSet) {
    let records = set.resource_records.unwrap_or_default();
    let mut values = records.into_iter().map(|record| record.value);
    match set.r#type {
        RrType::Txt if set.alias_target.is_some() => {
            stands.in_the_way = Some("an alias TXT record stands there; remove it".into());
        }
        RrType::Txt if let Some(id) = set.set_identifier => {
            let words = format!(
                "TXT records with a routing policy stand there (SetIdentifier {id}), beside which Route53 takes no \
                 others: remove them, or let the tool that made them do so"
            );
            stands.in_the_way.get_or_insert(words);
        }
        RrType::Txt => {
            let ttl = set
                .ttl
                .and_then(|ttl| u32::try_from(ttl).ok())
                .unwrap_or_default();
            stands.txt = Some(TxtRrset {
                ttl,
                values: values.collect(),
            });
        }
        // An alias CNAME names its target in another place.
        RrType::Cname => {
            let alias = set.alias_target.map(|alias| alias.dns_name);
            stands.cname = values.next().or(alias).map(|target| Fqdn::new(&target));
        }
        other => stands.others.push(other.as_str().to_owned()),
    }
}
