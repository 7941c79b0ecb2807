//! Writes that are no transaction: half the cost, where there is one action.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, http::HttpResponse,
        interceptors::BeforeTransmitInterceptorContextRef,
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
    types::{Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update},
};

use super::{
    item::Item,
    table::{TRIES, Table, code, is_collision, refused, wait},
};
use crate::store::StoreError;

/// How often the SDK sent a call.
#[derive(Clone, Debug, Default)]
struct Sent(Arc<AtomicUsize>);

impl Sent {
    /// Whether an earlier sending may have been done, its answer lost.
    fn is_repeated(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "sent"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// What became of a write that is no transaction.
enum Alone {
    Done,
    /// Its condition failed; this stands.
    Refused(Item),
    Collided(StoreError),
}

fn alone<T, E>(
    operation: &'static str,
    answer: Result<T, SdkError<E, HttpResponse>>,
    stands: impl Fn(&E) -> Option<Item>,
) -> Result<Alone, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Err(error) = answer else {
        return Ok(Alone::Done);
    };
    match error.as_service_error().and_then(stands) {
        Some(item) => Ok(Alone::Refused(item)),
        None if is_collision(code(&error)) => Ok(Alone::Collided(refused(operation, &error))),
        None => Err(refused(operation, &error)),
    }
}

impl Table {
    /// One action that needs no transaction, at half its cost. `false`: its condition failed, nothing was written. What the
    /// SDK sends again after a lost answer meets what it wrote: a put that was sent again and finds itself is done.
    pub(super) async fn write(&self, action: &TransactWriteItem) -> Result<bool, StoreError> {
        let mut tried = 0;
        loop {
            let sent = Sent::default();
            let error = match self.write_once(action, sent.clone()).await? {
                Alone::Done => return Ok(true),
                Alone::Refused(stands) => {
                    let is_ours = action.put.as_ref().is_some_and(|put| put.item == stands);
                    return Ok(is_ours && sent.is_repeated());
                }
                Alone::Collided(error) => error,
            };
            if tried == TRIES {
                return Err(error);
            }
            wait(tried).await;
            tried += 1;
        }
    }

    /// Once. A condition check is no write.
    async fn write_once(&self, action: &TransactWriteItem, sent: Sent) -> Result<Alone, StoreError> {
        match (&action.put, &action.delete, &action.update) {
            (Some(action), _, _) => self.send_put(action.clone(), sent).await,
            (_, Some(action), _) => self.send_delete(action.clone()).await,
            (_, _, Some(action)) => self.send_update(action.clone()).await,
            _ => Ok(Alone::Done),
        }
    }

    async fn send_put(&self, put: Put, sent: Sent) -> Result<Alone, StoreError> {
        let call = self.client.put_item().table_name(put.table_name);
        let call = call
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values)
            .return_values_on_condition_check_failure(AllOld)
            .customize()
            .interceptor(sent);
        alone("PutItem", call.send().await, |error| match error {
            PutItemError::ConditionalCheckFailedException(check) => {
                Some(check.item.clone().unwrap_or_default())
            }
            _ => None,
        })
    }

    async fn send_delete(&self, delete: Delete) -> Result<Alone, StoreError> {
        let call = self.client.delete_item().table_name(delete.table_name);
        let call = call
            .set_key(Some(delete.key))
            .set_condition_expression(delete.condition_expression)
            .set_expression_attribute_names(delete.expression_attribute_names)
            .set_expression_attribute_values(delete.expression_attribute_values);
        alone("DeleteItem", call.send().await, |error| match error {
            DeleteItemError::ConditionalCheckFailedException(_) => Some(Item::new()),
            _ => None,
        })
    }

    async fn send_update(&self, update: Update) -> Result<Alone, StoreError> {
        let call = self.client.update_item().table_name(update.table_name);
        let call = call
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_condition_expression(update.condition_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values);
        alone("UpdateItem", call.send().await, |error| match error {
            UpdateItemError::ConditionalCheckFailedException(_) => Some(Item::new()),
            _ => None,
        })
    }
}
