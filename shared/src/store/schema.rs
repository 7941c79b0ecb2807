//! The table: one primary key and three sparse indexes, all strings, as [`keys`](super::dynamo) has them. `template.yaml`
//! declares the same.

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::create_table::CreateTableError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};

pub use super::dynamo::{
    access::{ACCESS_PATHS, AccessPath},
    keys::{INDEXES, PRIMARY, PROJECTED, TTL},
};

fn key(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    Ok(vec![
        KeySchemaElement::builder()
            .attribute_name(partition)
            .key_type(KeyType::Hash)
            .build()?,
        KeySchemaElement::builder()
            .attribute_name(sort)
            .key_type(KeyType::Range)
            .build()?,
    ])
}

/// What an index holds beside keys.
fn projection(index: &str) -> Projection {
    let held = PROJECTED.iter().find(|(name, _)| *name == index);
    let attributes = held.map_or([].as_slice(), |(_, attributes)| attributes);
    let projection = Projection::builder();
    match attributes.is_empty() {
        true => projection.projection_type(ProjectionType::KeysOnly),
        false => projection
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(attributes.iter().map(ToString::to_string).collect())),
    }
    .build()
}

/// Creates the table in an emulator; a deployed stack creates it from `template.yaml`.
///
/// # Errors
/// Whatever `CreateTable` answers.
pub async fn create_table(client: &Client, table: &str) -> Result<(), SdkError<CreateTableError>> {
    let mut call = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(
            key(PRIMARY.0, PRIMARY.1).map_err(SdkError::construction_failure)?,
        ));
    let names = [PRIMARY.0, PRIMARY.1]
        .into_iter()
        .chain(INDEXES.iter().flat_map(|i| [i.1, i.2]));
    for name in names {
        call = call.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .map_err(SdkError::construction_failure)?,
        );
    }
    for (name, partition, sort) in INDEXES {
        call = call.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(name)
                .set_key_schema(Some(
                    key(partition, sort).map_err(SdkError::construction_failure)?,
                ))
                .projection(projection(name))
                .build()
                .map_err(SdkError::construction_failure)?,
        );
    }
    call.send().await.map(|_| ())
}
