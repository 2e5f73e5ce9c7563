#![no_main]

use std::sync::LazyLock;

use airudder_mock::contract::{Catalog, Family, Router};
use airudder_mock::fuzzing::{HttpRequest, decode};
use libfuzzer_sys::fuzz_target;

static ROUTER: LazyLock<Router> =
    LazyLock::new(|| Router::new(Catalog::builtin()).expect("the catalog has good paths"));

fuzz_target!(|input: (&str, Option<&str>, Option<&str>, &[u8])| {
    let (path, query, content_type, body) = input;
    let _ = ROUTER.find("POST", path);
    let headers = content_type.map(|value| ("content-type", value));
    let request = HttpRequest {
        method: "POST".into(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers: headers.into_iter().collect(),
        body: body.to_vec().into(),
        ..HttpRequest::default()
    };
    for family in Family::ALL {
        let _ = decode(&request, family);
    }
});
