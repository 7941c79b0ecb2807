//! What the store calls of DynamoDB. A transaction needs the action of each kind of item in it.

use crate::aws_call::AwsCall;

/// All that the store calls.
pub const CALLS: &[AwsCall] = &[
    AwsCall::new("get_item", &["dynamodb:GetItem"]),
    AwsCall::new("batch_get_item", &["dynamodb:BatchGetItem"]),
    AwsCall::new("query", &["dynamodb:Query"]),
    AwsCall::new("put_item", &["dynamodb:PutItem"]),
    AwsCall::new("update_item", &["dynamodb:UpdateItem"]),
    AwsCall::new("delete_item", &["dynamodb:DeleteItem"]),
    AwsCall::new(
        "transact_write_items",
        &[
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:ConditionCheckItem",
        ],
    ),
];

/// What reading one certificate calls.
pub const ONE_CERTIFICATE_CALLS: &[AwsCall] = &[AwsCall::new("get_item", &["dynamodb:GetItem"])];

/// What the TXT ledger calls, and the look at a value's owner: all that dns-cleanup needs.
pub const LEDGER_CALLS: &[AwsCall] = &[
    AwsCall::new("get_item", &["dynamodb:GetItem"]),
    AwsCall::new("batch_get_item", &["dynamodb:BatchGetItem"]),
    AwsCall::new("query", &["dynamodb:Query"]),
    AwsCall::new("put_item", &["dynamodb:PutItem"]),
    AwsCall::new("update_item", &["dynamodb:UpdateItem"]),
    AwsCall::new("delete_item", &["dynamodb:DeleteItem"]),
    AwsCall::new(
        "transact_write_items",
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    ),
];
