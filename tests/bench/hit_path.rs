//! What each step of a cached allow costs by itself: `cargo bench --profile dist --bench hit_path [-- step]`.
//!
//! The request is that of `tests/bench/load.rs`: 15 headers and 4 cookies, ours last. Sockets and HTTP are not in
//! here, nor is the runtime: a hit never waits, so its future is polled once.

#![expect(clippy::unwrap_used, reason = "a bench stops at the first thing that goes wrong")]

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use http::request::Parts;
use http::{Method, Request};
use sidegate::assertion::{Algorithm, AssertionRules, Assertions, Binding, MadeKeys};
use sidegate::auth::{
    CookieName, Decision, Methods, Pattern, Route, Routes, Rules, Session, SessionRecord, SigningKey, Step,
    TokenDigest, VerifiedToken,
};
use sidegate::cache::{Ages, SessionCache, Wanted};
use sidegate::clock::{self, UnixMillis};
use sidegate::dialect::{Dialect, HeaderNames, Terms};
use sidegate::gate::{Gate, Lookup};
use sidegate::metrics::Metrics;
use sidegate::secret::Secret;
use sidegate::store::{SessionStore, StoreError};

const SECRET: &str = "a bench's own secret, as long as Better Auth wants it";
const TOKEN: &str = "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo";
const NOW: UnixMillis = UnixMillis::new(1_768_478_400_123);
const DAY: Duration = Duration::from_hours(24);

/// A store of Adas: whoever is asked for is there.
struct Adas;

impl SessionStore for Adas {
    async fn find(&self, _: &VerifiedToken) -> Result<Option<Session>, StoreError> {
        Ok(Some(ada()))
    }
}

fn ada() -> Session {
    let text = |(name, value): (&str, &str)| (name.to_owned(), value.into());
    Session::new(&SessionRecord {
        expires_at: UnixMillis::NEVER,
        session: [("id", "yLw0cHdB9sJgAeUfIoZk3vQ8mN1pXrT6")].map(text).into_iter().collect(),
        user: [("id", TOKEN), ("email", "ada.lovelace@example.com"), ("name", "Ada Lovelace")]
            .map(text)
            .into_iter()
            .collect(),
        organization_role: None,
    })
}

fn key() -> SigningKey {
    SigningKey::new(&Secret::new(SECRET.to_owned()))
}

fn rules() -> Rules {
    Rules::new(CookieName::new("better-auth.session_token").unwrap(), key())
}

fn question() -> Parts {
    let signed = key().sign(TOKEN).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let cookies = format!(
        "_ga=GA1.2.1234567890.1700000000; theme=dark; locale=en-GB; better-auth.session_token={signed}"
    );
    let agent =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
    let headers = [
        ("host", "sidegate"),
        ("x-original-url", "https://app.example.com/api/orders/1234?page=2"),
        ("x-original-method", "GET"),
        ("x-real-ip", "203.0.113.7"),
        ("user-agent", agent),
        ("accept", "application/json, text/plain, */*"),
        ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
        ("accept-encoding", "gzip, deflate, br"),
        ("referer", "https://app.example.com/orders"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("origin", "https://app.example.com"),
        ("dnt", "1"),
        ("cookie", &cookies),
    ];
    let request = headers
        .iter()
        .fold(Request::get("/auth/nginx"), |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

/// A cache with that many sessions, and their digests in an order that no processor guesses.
fn full_cache(sessions: u32) -> (Arc<SessionCache>, Vec<TokenDigest>) {
    let cache = SessionCache::new(u64::from(sessions) * 2, Ages::plain(DAY, DAY), Arc::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut digests: Vec<_> = (0..sessions).map(|number| TokenDigest::of(&number.to_string())).collect();
    for digest in &digests {
        let landed =
            runtime.block_on(cache.load(*digest, Wanted::default(), || NOW, || async { Ok(Some(ada())) }));
        assert!(landed.is_ok_and(|found| found.is_some()));
    }
    digests.sort_unstable_by_key(|digest| *digest.as_bytes());
    (cache, digests)
}

fn assertions(algorithm: Algorithm, bind: &[Binding]) -> Assertions {
    let (issuer, audience, bind) = ("sidegate".to_owned(), "my-api".to_owned(), bind.to_vec());
    let keys = MadeKeys::default().of(algorithm).unwrap();
    Assertions::new(AssertionRules { issuer, audience, bind }, keys, Metrics::new().assertions())
}

fn terms() -> Terms {
    Terms { names: HeaderNames::sidegate(), login: None }
}

/// What a future that never waits comes to.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a hit waits for nothing"),
    }
}

fn steps(criterion: &mut Criterion) {
    let (dialect, question, rules, terms) = (Dialect::Nginx, question(), rules(), terms());
    let request = dialect.decode(&question, &terms).unwrap();
    let credential = rules.credential(&request).unwrap();
    let session = Arc::new(ada());

    criterion.bench_function("decode the question", |bench| {
        bench.iter(|| dialect.decode(black_box(&question), &terms).is_ok());
    });
    criterion.bench_function("find the cookie", |bench| {
        bench.iter(|| rules.credential(black_box(&request)).is_some());
    });
    criterion.bench_function("decode the cookie", |bench| bench.iter(|| black_box(&credential).text()));
    criterion.bench_function("verify the cookie, decoding and digest included", |bench| {
        bench.iter(|| rules.verify(black_box(&credential), UnixMillis::EPOCH));
    });
    criterion.bench_function("digest the token", |bench| bench.iter(|| TokenDigest::of(black_box(TOKEN))));
    criterion.bench_function("read the clock", |bench| bench.iter(clock::now));
    criterion.bench_function("finish", |bench| {
        bench.iter_batched(
            || match rules.begin(&request, UnixMillis::EPOCH) {
                Step::Lookup(pending) => pending,
                Step::Done(_) => unreachable!("the cookie is genuine"),
            },
            |pending| pending.finish(Some(Arc::clone(&session)), NOW),
            criterion::BatchSize::SmallInput,
        );
    });
    let Step::Lookup(pending) = rules.begin(&request, UnixMillis::EPOCH) else {
        unreachable!("the cookie is genuine")
    };
    let allow = pending.finish(Some(Arc::clone(&session)), NOW);
    criterion.bench_function("encode the answer", |bench| {
        bench.iter(|| dialect.encode(&request, black_box(&allow), &terms));
    });
    let Decision::Allow(grant) = &allow else { unreachable!("the session is live") };
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        criterion.bench_function(&format!("sign an assertion ({})", algorithm.name()), |bench| {
            bench.iter_batched_ref(
                || assertions(algorithm, &[]),
                |assertions| assertions.of(grant, &request, NOW),
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

/// Fifty routes as an app has them: resources with their items, what belongs to those, and a place for everything else.
fn routes() -> Routes {
    let resources =
        ["orders", "users", "teams", "invoices", "projects", "reports", "files", "tags", "keys", "hooks"];
    let places = ["", "/{id:int}", "/{id:int}/{part}", "/search", "/{name}.json"];
    let all = resources.iter().flat_map(|resource| places.map(|place| format!("/api/{resource}{place}")));
    let route = |path: String| Route {
        host: None,
        methods: Methods::These(vec![Method::GET, Method::POST]),
        path: Pattern::new(&path).unwrap(),
        policy: "any_role:admin|owner".parse().unwrap(),
    };
    Routes::new(all.chain(["/{*rest}".to_owned()]).map(route).collect()).unwrap()
}

fn places(criterion: &mut Criterion) {
    let (question, routes) = (question(), routes());
    let mut request = Dialect::Nginx.decode(&question, &terms()).unwrap();
    let mut bench = |name: &str, target: &'static str, method: Method| {
        (request.target, request.method) = (target.as_bytes(), method);
        criterion.bench_function(&format!("routes/find: {name}"), |bench| {
            bench.iter(|| routes.find(black_box(&request)).is_ok_and(|found| found.route.is_some()));
        });
    };
    bench("an item", "/api/orders/1234?page=2", Method::GET);
    bench("what is encoded", "/api/orders/gr%C3%B6%C3%9Fe.json", Method::GET);
    bench("a HEAD", "/api/orders/1234/lines", Method::HEAD);
    bench("what no other route names", "/api/orders/1234/lines/1/of/many", Method::GET);
}

fn cache(criterion: &mut Criterion) {
    for sessions in [1_000, 100_000] {
        let (cache, digests) = full_cache(sessions);
        let mut next = digests.iter().cycle();
        criterion.bench_function(&format!("look into a cache of {sessions}"), |bench| {
            bench.iter(|| cache.get(next.next().unwrap(), NOW, Wanted::default()));
        });
    }
}

fn whole(criterion: &mut Criterion) {
    let (dialect, question, terms) = (Dialect::Nginx, question(), terms());
    let cache = SessionCache::new(1_000, Ages::plain(DAY, DAY), Arc::default());
    let gate = Gate::new(rules(), cache, Adas, DAY);
    let answer = |question: &Parts, assertions: Option<&Assertions>| {
        let request = dialect.decode(question, &terms).unwrap();
        let mut checked = at_once(gate.check(&request, || NOW));
        assert_eq!(checked.lookup, Lookup::Hit);
        if let (Decision::Allow(grant), Some(assertions)) = (&mut checked.decision, assertions) {
            grant.prove(assertions.of(grant, &request, NOW).unwrap());
        }
        dialect.encode(&request, &checked.decision, &terms)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request = dialect.decode(&question, &terms).unwrap();
    let first = runtime.block_on(gate.check(&request, || NOW));
    assert!(matches!(first.decision, Decision::Allow(_)));

    criterion.bench_function("whole: decode, check, encode", |bench| {
        bench.iter(|| answer(black_box(&question), None));
    });
    let plain = assertions(Algorithm::EdDsa, &[]);
    criterion.bench_function("whole, with an assertion that is handed out again", |bench| {
        bench.iter(|| answer(black_box(&question), Some(&plain)));
    });
    let bound = assertions(Algorithm::EdDsa, &[Binding::Host, Binding::Request]);
    criterion.bench_function("whole, with one that is bound to host and request", |bench| {
        bench.iter(|| answer(black_box(&question), Some(&bound)));
    });
}

criterion_group!(
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = steps, places, cache, whole
);
criterion_main!(benches);
