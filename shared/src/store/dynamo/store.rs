//! The store: a table, on which each aggregate's file implements its traits.

use aws_sdk_dynamodb::Client;

use super::{schema_version, table::Table};
use crate::store::StoreError;

/// The store.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    pub(super) table: Table,
}

impl DynamoStore {
    /// A store over a table with the keys of [`schema`](crate::store::schema).
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self {
            table: Table::new(client, table),
        }
    }

    /// That the table has the form that we write; a table that nobody used yet is given our version. One read.
    ///
    /// # Errors
    /// [`StoreError::SchemaVersion`] if the table belongs to functions of another version.
    pub async fn claim_schema(&self) -> Result<(), StoreError> {
        schema_version::claim(&self.table).await
    }

    /// The same for who may not write that: a table without a version has nothing in it yet. One read.
    ///
    /// # Errors
    /// As [`claim_schema`](Self::claim_schema).
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        schema_version::check(&self.table).await
    }
}
