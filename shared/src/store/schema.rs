//! The table: one primary key and three sparse indexes, all strings. `template.yaml` declares the same.

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::create_table::CreateTableError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};

/// Primary key attributes: (partition, sort).
pub const PRIMARY: (&str, &str) = ("pk", "sk");
/// Index name → its key attributes. `work` holds what is due, `list` what is listed, `by_owner` what belongs
/// to something.
pub const INDEXES: [(&str, &str, &str); 3] = [
    ("work", "work_pk", "work_sk"),
    ("list", "list_pk", "list_sk"),
    ("by_owner", "owner_pk", "owner_sk"),
];

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
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .build()
                .map_err(SdkError::construction_failure)?,
        );
    }
    call.send().await.map(|_| ())
}
