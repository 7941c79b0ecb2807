//! Route53's answers in our words.

use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};

use super::DnsError;

/// Route53 answers ids with their path (`/hostedzone/Z1`, `/change/C1`) and takes them without.
pub(super) fn bare_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// By error code; the text of the message is for people only.
pub(super) fn translate<E, R>(operation: &'static str, zone: &str, error: SdkError<E, R>) -> DnsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let zone = zone.to_owned();
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
            "AccessDenied"
            | "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch",
        ) => DnsError::AccessDenied { operation, zone },
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
