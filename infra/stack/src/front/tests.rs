use std::collections::HashSet;

use axum::routing::any;
use futures::future::{join, join_all};
use http_body_util::Full;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::*;
use crate::tls;

/// A CA that is slow, or hangs, as a test wants it.
#[derive(Default)]
struct Fake {
    /// How long it takes for a call.
    takes: Duration,
    /// The kinds of calls without an answer, by path.
    hangs: Mutex<HashSet<&'static str>>,
    /// What it has in hand; a caller that goes away changes nothing.
    in_hand: Mutex<Vec<String>>,
    /// What it had in hand at each arrival, the new one last.
    seen: Mutex<Vec<Vec<String>>>,
}

const NEW_ORDER: &str = "/order-plz";

async fn answer(State(fake): State<Arc<Fake>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let host = parts.headers.get(HOST).cloned().unwrap();
    if path == "/dir" {
        // As Pebble does it.
        let url = format!("https://{}{NEW_ORDER}", host.to_str().unwrap());
        return Response::new(Body::from(json!({"newOrder": url}).to_string()));
    }
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap();
    let work = async move {
        {
            let mut in_hand = fake.in_hand.lock().unwrap();
            in_hand.push(path.clone());
            fake.seen.lock().unwrap().push(in_hand.clone());
        }
        let is_hung = fake
            .hangs
            .lock()
            .unwrap()
            .iter()
            .any(|kind| path.starts_with(kind));
        if is_hung {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(fake.takes).await;
        let mut in_hand = fake.in_hand.lock().unwrap();
        let at = in_hand.iter().position(|other| *other == path).unwrap();
        in_hand.remove(at);
    };
    // Go on without the caller, as Pebble's handlers do.
    tokio::spawn(work).await.unwrap();
    let status = parts
        .headers
        .get("x-status")
        .map_or("200", |s| s.to_str().unwrap());
    let mut answer = Response::builder()
        .status(status)
        .header("x-method", parts.method.as_str())
        .header("x-uri", parts.uri.to_string())
        .header("x-host", host)
        .header("replay-nonce", "n0nce")
        .header("link", "<https://a/>;rel=\"index\"")
        .header("link", "<https://b/>;rel=\"alternate\"");
    for value in parts.headers.get_all("x-more") {
        answer = answer.header("x-more", value);
    }
    answer.body(Body::from(body)).unwrap()
}

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client, a front, a fake CA.
struct World {
    fake: Arc<Fake>,
    port: u16,
    logs: Logs,
    http: Http,
    http2: Http,
    _running: (TempDir, JoinSet<()>, watch::Sender<bool>),
}

impl World {
    async fn new(fake: Fake, deadline: Duration) -> Self {
        let folder = TempDir::new().unwrap();
        let tls = Tls::create(folder.path()).unwrap();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let bound = || TcpListener::bind("127.0.0.1:0");
        let (own, listener) = (bound().await.unwrap(), bound().await.unwrap());
        let port_of = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let (own_port, port) = (port_of(&own), port_of(&listener));
        let fake = Arc::new(fake);
        let routes = Router::new().fallback(any(answer)).with_state(fake.clone());
        tls::serve(own, tls.acceptor().unwrap(), routes, stopped.clone(), &mut tasks);
        let logs = Logs::new(None, None);
        let front = Front::new("letsencrypt", own_port, &tls, deadline, &logs)
            .await
            .unwrap();
        tls::serve(
            listener,
            tls.acceptor().unwrap(),
            front.routes(),
            stopped,
            &mut tasks,
        );
        let builder = || {
            HttpsConnectorBuilder::new()
                .with_tls_config(tls.client().unwrap())
                .https_only()
        };
        let client = |connector| Client::builder(TokioExecutor::new()).build(connector);
        Self {
            fake,
            port,
            logs,
            http: client(builder().enable_http1().build()),
            http2: client(builder().enable_http2().build()),
            _running: (folder, tasks, stop),
        }
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let uri = format!("https://localhost:{}{path}", self.port);
        Request::builder().method(method).uri(uri)
    }

    async fn call(&self, method: &str, path: &str) -> StatusCode {
        let request = self.request(method, path).body(Full::from("{}")).unwrap();
        self.http.request(request).await.unwrap().status()
    }

    /// What a user was told.
    fn told(&self) -> Vec<String> {
        self.logs.all()
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn new_order_goes_through_alone_and_all_else_side_by_side() {
    let takes = Duration::from_millis(5);
    let world = World::new(
        Fake {
            takes,
            ..Fake::default()
        },
        LONG,
    )
    .await;
    let calls = (0..90).map(|n| {
        let path = if n % 10 == 0 {
            NEW_ORDER.to_owned()
        } else {
            format!("/authZ/{n}")
        };
        let world = &world;
        async move { world.call("POST", &path).await }
    });
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    let seen = world.fake.seen.lock().unwrap();
    let orders = seen.iter().filter(|s| s.iter().any(|path| path == NEW_ORDER));
    assert_eq!(orders.clone().count(), 9);
    for in_hand in orders {
        assert_eq!(in_hand.len(), 1, "beside newOrder: {in_hand:?}");
    }
    assert!(
        seen.iter().any(|in_hand| in_hand.len() > 3),
        "all else goes side by side"
    );
}

#[tokio::test]
async fn what_passes_is_not_changed() {
    let world = World::new(Fake::default(), LONG).await;
    let cases = [
        ("POST", "/order-plz", "201", "{\"payload\":\"\"}"),
        ("POST", "/authZ/a?b=c%20d&e", "200", "x"),
        ("GET", "/renewal-info/abc", "200", ""),
        ("HEAD", "/nonce-plz", "200", ""),
        ("GET", "/nonce-plz", "204", ""),
        ("POST", "/revoke-cert", "409", "{\"type\":\"urn\"}"),
        ("PUT", "/", "500", "\u{fc}"),
    ];
    for (method, path, status, body) in cases {
        for (version, http) in [("1.1", &world.http), ("2", &world.http2)] {
            let request = world
                .request(method, path)
                .header("x-status", status)
                .header("x-more", "1")
                .header("x-more", "2")
                .body(Full::from(body))
                .unwrap();
            let answer = http.request(request).await.unwrap();
            let of = format!("{method} {path} over HTTP/{version}");
            let all = |name: &str| -> Vec<String> {
                let values = answer.headers().get_all(name).iter();
                values.map(|value| value.to_str().unwrap().to_owned()).collect()
            };
            assert_eq!(answer.status().as_str(), status, "{of}");
            assert_eq!(all("x-method"), [method], "{of}");
            assert_eq!(all("x-uri"), [path], "{of}");
            assert_eq!(all("x-host"), [format!("localhost:{}", world.port)], "{of}");
            assert_eq!(all("x-more"), ["1", "2"], "{of}");
            assert_eq!(all("replay-nonce"), ["n0nce"], "{of}");
            assert_eq!(all("link").len(), 2, "{of}");
            let said = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(said, body, "{of}");
        }
    }
}

/// Methods and paths.
type Calls = &'static [(&'static str, &'static str)];

#[tokio::test]
async fn a_call_that_hangs_is_answered_in_time_and_said_once() {
    // What hangs; what is answered all the while and must not be taken for the end of it.
    let cases: [(&[&'static str], Calls); 4] = [
        (
            &[NEW_ORDER],
            &[("POST", "/authZ/1"), ("HEAD", "/nonce-plz"), ("GET", "/dir")],
        ),
        (&["/authZ"], &[("HEAD", "/nonce-plz"), ("GET", "/dir")]),
        (&["/nonce-plz"], &[("GET", "/dir")]),
        (&["/"], &[("GET", "/dir")]),
    ];
    for (hangs, goes_on) in cases {
        let world = World::new(Fake::default(), Duration::from_millis(100)).await;
        let path = match hangs {
            ["/"] => NEW_ORDER.to_owned(),
            kinds => format!("{}/1", kinds[0]).replace("plz/1", "plz"),
        };
        assert_eq!(world.call("POST", &path).await, 200, "{hangs:?}");
        assert!(world.told().is_empty());
        world.fake.hangs.lock().unwrap().extend(hangs);
        for _ in 0..3 {
            assert_eq!(world.call("POST", &path).await, 504, "{hangs:?}");
            for (method, path) in goes_on {
                assert_eq!(world.call(method, path).await, 200, "{hangs:?}");
            }
        }
        let told = world.told();
        assert_eq!(told.len(), 1, "{told:?}");
        let call = format!("no answer to POST {} in 100ms", path.trim_end_matches("/1"));
        for part in [
            "certmint",
            "the CA letsencrypt does not answer",
            &call,
            "start it again",
        ] {
            assert!(told[0].contains(part), "{told:?} has no «{part}»");
        }
        world.fake.hangs.lock().unwrap().clear();
        for _ in 0..2 {
            assert_eq!(world.call("POST", &path).await, 200, "{hangs:?}");
        }
        let told = world.told();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].contains("the CA letsencrypt answers again"), "{told:?}");
    }
}

#[tokio::test]
async fn nonces_are_no_sign_that_a_ca_answers_signed_calls_are() {
    let cases = [
        ("HEAD", "/nonce-plz", 1),
        ("GET", "/dir", 1),
        ("POST", "/my-order/1", 0),
    ];
    for (method, path, lines) in cases {
        let world = World::new(Fake::default(), Duration::from_millis(500)).await;
        world.fake.hangs.lock().unwrap().insert("/authZ");
        let answered = async {
            while world.fake.in_hand.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            world.call(method, path).await
        };
        let (hung, answered) = join(world.call("POST", "/authZ/1"), answered).await;
        assert_eq!((hung.as_u16(), answered.as_u16()), (504, 200), "{method} {path}");
        let told = world.told();
        assert_eq!(told.len(), lines, "{method} {path}: {told:?}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_turn_to_what_the_ca_has_in_hand() {
    let takes = Duration::from_millis(200);
    let world = World::new(
        Fake {
            takes,
            ..Fake::default()
        },
        LONG,
    )
    .await;
    for path in [NEW_ORDER, "/authZ/1"] {
        let request = world.request("POST", path).body(Full::default()).unwrap();
        let http = world.http.clone();
        let leaves = tokio::spawn(async move { http.request(request).await.map(|_| ()) });
        while world.fake.in_hand.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        leaves.abort();
        assert!(leaves.await.is_err(), "it did not wait");
        assert_eq!(world.call("POST", NEW_ORDER).await, 200);
    }
    for in_hand in world.fake.seen.lock().unwrap().iter() {
        assert_eq!(in_hand.len(), 1, "{in_hand:?}");
    }
}
