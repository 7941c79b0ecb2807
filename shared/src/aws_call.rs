//! Calls of AWS. Each adapter has a table of those that it makes; `tests/guards` compares it with the adapter's code,
//! and each role in `template.yaml` with the tables that its function is wired with (`start::CALLS`).

/// A call that an adapter makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwsCall {
    /// The method of the SDK's client.
    pub operation: &'static str,
    /// What a role must allow for it; `kms:… via <service>` where the service calls KMS in the caller's name, if the account
    /// has given it a key of its own.
    pub actions: &'static [&'static str],
}

impl AwsCall {
    /// A call that needs these IAM actions.
    #[must_use]
    pub const fn new(operation: &'static str, actions: &'static [&'static str]) -> Self {
        Self { operation, actions }
    }
}
