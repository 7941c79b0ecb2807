//! Secrets Manager: an emulator of others, kept in a file if asked to.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use serde_json::{Value, json};
use winterbaume_core::{MockRequest, MockService, StatefulService, default_account_id};
use winterbaume_secretsmanager::{SecretsManagerService, SecretsmanagerStateView};

use crate::{StackError, keep};

const REGION: &str = "us-east-1";

/// The service; clones share it.
#[derive(Clone)]
pub struct Secrets {
    service: Arc<SecretsManagerService>,
    file: Option<PathBuf>,
}

impl Secrets {
    /// With what `file` holds, if it is given; changes are written back to it.
    ///
    /// # Errors
    /// If the file is not one that an earlier run wrote.
    pub async fn open(file: Option<PathBuf>) -> Result<Self, StackError> {
        let service = Arc::new(SecretsManagerService::new());
        if let Some(view) = file
            .as_deref()
            .map(keep::load::<SecretsmanagerStateView>)
            .transpose()?
            .flatten()
        {
            let path = file.as_deref().unwrap_or(Path::new(""));
            let restored = service.restore(default_account_id(), REGION, view).await;
            restored.map_err(|e| StackError::Data(path.to_owned(), e.to_string()))?;
        }
        Ok(Self { service, file })
    }

    async fn call(&self, operation: &str, body: Bytes) -> winterbaume_core::MockResponse {
        let mut headers = http::HeaderMap::new();
        if let Ok(target) = format!("secretsmanager.{operation}").parse() {
            headers.insert("x-amz-target", target);
        }
        let request = MockRequest {
            method: "POST".into(),
            uri: "/".into(),
            headers,
            body,
        };
        let answer = self.service.handle(request).await;
        if let Some(file) = &self.file {
            let state = self.service.snapshot(default_account_id(), REGION).await;
            keep::store(file, &state);
        }
        answer
    }

    pub(super) async fn handle(&self, request: http::Request<Bytes>) -> Response {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|v| v.to_str().ok());
        let operation = target
            .and_then(|t| t.split('.').nth(1))
            .unwrap_or_default()
            .to_owned();
        let answer = self.call(&operation, request.into_body()).await;
        let mut response = Response::builder().status(answer.status);
        for (name, value) in &answer.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(answer.body)).unwrap_or_default()
    }

    /// One call of the API, past HTTP: an operator's hand in a test.
    pub async fn operate(&self, operation: &str, input: &Value) -> Value {
        let answer = self.call(operation, input.to_string().into()).await;
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// Sets a secret's value, whether it exists or not.
    pub(crate) async fn set(&self, name: &str, value: &str) {
        let create = json!({"Name": name, "SecretString": value, "ClientRequestToken": uuid::Uuid::new_v4().to_string()});
        let created = self.call("CreateSecret", create.to_string().into()).await;
        if created.status >= 400 {
            let put = json!({"SecretId": name, "SecretString": value, "ClientRequestToken": uuid::Uuid::new_v4().to_string()});
            self.call("PutSecretValue", put.to_string().into()).await;
        }
    }

    /// All secrets with their values: tests look for them where they must not be.
    pub async fn values(&self) -> Vec<(String, String)> {
        let list = self.operate("ListSecrets", &json!({})).await;
        let mut values = Vec::new();
        for secret in list["SecretList"].as_array().into_iter().flatten() {
            let name = secret["Name"].as_str().unwrap_or_default();
            let value = self.operate("GetSecretValue", &json!({ "SecretId": name })).await;
            values.push((
                name.to_owned(),
                value["SecretString"].as_str().unwrap_or_default().to_owned(),
            ));
        }
        values
    }
}
