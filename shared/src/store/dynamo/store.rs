//! The store: a table, on which each aggregate's file implements its traits.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use tokio::sync::OnceCell;

use super::{
    schema_version::{self, SchemaUse},
    table::Table,
};
use crate::store::StoreError;

/// The store.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    table: Table,
    /// What to do about the table's version before its first use, and that it was done.
    schema: Option<(SchemaUse, Arc<OnceCell<()>>)>,
}

impl DynamoStore {
    /// A store over a table with the keys of [`schema`](crate::store::schema), whatever version it has.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self {
            table: Table::new(client, table),
            schema: None,
        }
    }

    /// The same, which looks at the table's version before its first use, once (one read). While that is another one than
    /// ours every call is [`StoreError::SchemaVersion`] and does nothing.
    #[must_use]
    pub fn of_our_version(self, schema: SchemaUse) -> Self {
        Self {
            schema: Some((schema, Arc::default())),
            ..self
        }
    }

    /// Looks at the table's version now, if that is to be done before its first use.
    pub async fn prepare(&self) {
        // What it cannot tell, each call tells.
        let _known = self.table().await;
    }

    /// The table, if it has the form that we write.
    pub(super) async fn table(&self) -> Result<&Table, StoreError> {
        if let Some((schema, known)) = &self.schema {
            let look = || schema_version::look(&self.table, *schema);
            known.get_or_try_init(look).await?;
        }
        Ok(&self.table)
    }
}
