//! An HTTP client as a user's program is one.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::schema::Exchange;

/// Calls with a token.
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    url: String,
    token: Option<String>,
}

/// An answer: HTTP status and the raw text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The methods that the path takes, if the answer says so.
    pub allow: Option<String>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The `data` of a successful answer.
    ///
    /// # Panics
    /// If the call was refused.
    #[must_use]
    pub fn data(&self) -> Value {
        assert!(
            self.status == 200 && self.text.starts_with(r#"{"code":0,"message":"success","data":"#),
            "refused with {}: {}",
            self.status,
            self.text
        );
        self.json()["data"].take()
    }

    /// The id of what was created.
    ///
    /// # Panics
    /// If nothing was.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.data()["id"].as_u64().expect("an id")
    }

    /// Asserts a refusal: the HTTP status, the code, and a word that its message holds.
    ///
    /// # Panics
    /// If it is another one.
    pub fn refused(&self, status: u16, code: u16, word: &str) {
        let start = format!(r#"{{"code":{code},"message":""#);
        assert!(
            self.status == status && self.text.starts_with(&start) && self.text.contains(word),
            "wanted {status}, {code} and «{word}», got {}: {}",
            self.status,
            self.text
        );
    }
}

impl Client {
    /// A client of the API at `url`.
    #[must_use]
    pub fn new(url: String, token: String) -> Self {
        Self {
            http: Http::builder(TokioExecutor::new()).build_http(),
            url,
            token: Some(token),
        }
    }

    /// The same with another token, or none.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            http: self.http.clone(),
            url: self.url.clone(),
            token: token.map(str::to_owned),
        }
    }

    /// A call under `/api/v1`.
    ///
    /// # Panics
    /// If there is no answer, or one that does not fit the API's description.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.at(method, &format!("/api/v1{path}"), headers, body.into())
            .await
    }

    /// The same of a whole path.
    ///
    /// # Panics
    /// As [`Client::call`].
    pub async fn at(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.clone())).expect("a request");
        let answer = self.http.request(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let allow = answer
            .headers()
            .get("allow")
            .and_then(|value| value.to_str().ok());
        let allow = allow.map(str::to_owned);
        let text = answer
            .into_body()
            .collect()
            .await
            .expect("a whole answer")
            .to_bytes();
        let text = String::from_utf8(text.to_vec()).expect("text");
        let exchange = Exchange {
            method,
            target,
            body: &body,
            status,
            answer: &text,
        };
        let checked = exchange.check();
        assert_eq!(
            checked,
            Ok(()),
            "{method} {target} does not fit its description: {text}"
        );
        Answer { status, allow, text }
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let headers = [("content-type", "application/json")];
        self.call("POST", path, &headers, body.to_owned()).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }
}
