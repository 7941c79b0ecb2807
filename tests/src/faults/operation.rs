//! What a call asks for, read off the wire.

use http::Request;

/// The calls that faults are injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// DynamoDB.
    GetItem,
    /// DynamoDB.
    BatchGetItem,
    /// DynamoDB.
    Query,
    /// DynamoDB.
    PutItem,
    /// DynamoDB.
    UpdateItem,
    /// DynamoDB.
    DeleteItem,
    /// DynamoDB.
    TransactWriteItems,
    /// Secrets Manager.
    CreateSecret,
    /// Secrets Manager.
    GetSecretValue,
    /// KMS.
    GenerateDataKey,
    /// KMS.
    Decrypt,
    /// EventBridge.
    PutEvents,
    /// SQS.
    SendMessage,
    /// Route53.
    ListHostedZones,
    /// Route53.
    ListResourceRecordSets,
    /// Route53.
    ChangeResourceRecordSets,
    /// Route53.
    GetChange,
    /// ACME: the directory.
    Directory,
    /// ACME: newNonce.
    NewNonce,
    /// ACME: newAccount.
    NewAccount,
    /// ACME: keyChange.
    KeyChange,
    /// ACME: newOrder.
    NewOrder,
    /// ACME: an order is read.
    Order,
    /// ACME: an authorization is read.
    Authorization,
    /// ACME: a challenge is accepted.
    Challenge,
    /// ACME: finalize.
    Finalize,
    /// ACME: the certificate.
    Certificate,
    /// ACME: a certificate's renewal window.
    RenewalInfo,
    /// Anything else.
    Other,
}

impl Operation {
    /// Reads the target header of AWS's JSON protocols, Route53's paths, and Pebble's.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|v| v.to_str().ok());
        if let Some(name) = target.and_then(|t| t.split('.').nth(1)) {
            return match name {
                "GetItem" => Self::GetItem,
                "BatchGetItem" => Self::BatchGetItem,
                "Query" => Self::Query,
                "PutItem" => Self::PutItem,
                "UpdateItem" => Self::UpdateItem,
                "DeleteItem" => Self::DeleteItem,
                "TransactWriteItems" => Self::TransactWriteItems,
                "CreateSecret" => Self::CreateSecret,
                "GetSecretValue" => Self::GetSecretValue,
                "GenerateDataKey" => Self::GenerateDataKey,
                "Decrypt" => Self::Decrypt,
                "PutEvents" => Self::PutEvents,
                "SendMessage" => Self::SendMessage,
                _ => Self::Other,
            };
        }
        let path = request.uri().path();
        let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        match (request.method().as_str(), parts.as_slice()) {
            ("GET", ["2013-04-01", "hostedzone"]) => Self::ListHostedZones,
            ("GET", ["2013-04-01", "hostedzone", _, "rrset"]) => Self::ListResourceRecordSets,
            ("POST", ["2013-04-01", "hostedzone", _, "rrset"]) => Self::ChangeResourceRecordSets,
            ("GET", ["2013-04-01", "change", _]) => Self::GetChange,
            (_, ["dir"]) => Self::Directory,
            (_, ["nonce-plz"]) => Self::NewNonce,
            (_, ["sign-me-up"]) => Self::NewAccount,
            (_, ["rollover-account-key"]) => Self::KeyChange,
            (_, ["order-plz"]) => Self::NewOrder,
            (_, ["my-order", _]) => Self::Order,
            (_, ["authZ", _]) => Self::Authorization,
            (_, ["chalZ", _]) => Self::Challenge,
            (_, ["finalize-order", _]) => Self::Finalize,
            (_, ["certZ", _]) => Self::Certificate,
            (_, [.., "renewalInfo", _]) => Self::RenewalInfo,
            _ => Self::Other,
        }
    }
}
