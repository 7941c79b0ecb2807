//! Cursors that somebody makes up who knows how: the check is no secret. Each is refused, or reads what a page reads.
//! `CERTMINT_FUZZ_SECONDS` goes on for so long, with `CERTMINT_SEED` for other ones than usual.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use certmint_tests::sim::Rng;
use sha2::{Digest, Sha256};

use super::pages::{LISTS, costs_a_page, cursor_of, filled};

const CHECK: usize = 12;
/// Tries where no time is given.
const TRIES: u32 = 400;

/// The cursor of a place in a list, as the API makes it.
fn cursor(list: &str, place: &[u8]) -> String {
    let (path, filter) = list.split_once('?').unwrap();
    let mut filter: Vec<&str> = filter.split_terminator('&').collect();
    filter.sort_unstable();
    let filter: String = filter.iter().map(|part| format!("&{part}")).collect();
    let name = format!("/api/v1{path}?{filter}");
    let check = Sha256::digest([name.as_bytes(), b"\0", place].concat());
    BASE64_URL_SAFE_NO_PAD.encode([place, &check[..CHECK]].concat())
}

fn place(cursor: &str) -> Vec<u8> {
    let octets = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap();
    octets[..octets.len() - CHECK].to_vec()
}

/// Another place, near one that there is or far from all.
fn other(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut made = rng.pick(corpus).clone();
    let most = made.len() as u64;
    let at = usize::try_from(rng.within(0, most.max(1))).unwrap();
    match rng.within(0, 8) {
        0 => made.truncate(at),
        1 => made.extend(rng.pick(corpus)),
        2 => made.splice(at..at, rng.pick(corpus).clone()).for_each(drop),
        3 => made = BASE64_URL_SAFE_NO_PAD.encode(made).into_bytes(),
        4 => made = BASE64_URL_SAFE_NO_PAD.decode(&made).unwrap_or_default(),
        5 => made = rng.pick(&ODD).as_bytes().to_vec(),
        6 => made.extend(rng.pick(&ODD).as_bytes()),
        _ => {
            if let Some(octet) = made.get_mut(at) {
                *octet = u8::try_from(rng.within(0, 256)).unwrap();
            }
        }
    }
    made
}

const ODD: [&str; 12] = [
    "",
    "-",
    "#",
    "0",
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "9-9-9",
    "\u{10ffff}",
    "\u{0}",
    "c1#",
    "zzzzzzzzzzzzzzzz#~#~",
];

#[tokio::test]
async fn a_made_up_place_is_refused_or_costs_a_page() {
    let client = filled().await;
    let mut corpus = Vec::new();
    for list in LISTS {
        let good = cursor_of(&client, list, 2).await;
        corpus.push(place(&good));
        assert_eq!(
            cursor(list, &place(&good)),
            good,
            "{list}: this test is out of date"
        );
    }
    let seed = std::env::var("CERTMINT_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let mut rng = Rng::new(seed.unwrap_or(1));
    let seconds = std::env::var("CERTMINT_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut tried, mut taken) = (0, 0);
    while until.map_or(tried < TRIES, |until| Instant::now() < until) {
        let (list, place) = (*rng.pick(&LISTS), other(&mut rng, &corpus));
        let made = cursor(list, &place);
        let path = format!("{list}cursor={made}&pageSize=2");
        let (answer, cost) = client.world.cost_of(client.get(&path)).await;
        let what = format!("{list} from {}", String::from_utf8_lossy(&place));
        costs_a_page(&cost, &what);
        match answer.status {
            200 => taken += 1,
            400 => {}
            _ => panic!("{what}: {}", answer.body),
        }
        // A place that is a page's own is one of the corpus.
        if answer.status == 200 && corpus.len() < 4_096 {
            corpus.push(place);
        }
        tried += 1;
    }
    assert!(taken > 0 && taken < tried, "{taken} of {tried} were taken");
}
