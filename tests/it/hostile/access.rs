//! Tokens and encryption, wrong in every way.

use super::case::{Case, Envelope, Wanted, World};

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Vec::new();
    tokens(world, &mut table);
    encryption(world, &mut table);
    table
}

fn tokens(world: &World, table: &mut Vec<Case>) {
    let token = &world.token;
    let missing = Wanted::Refused(Envelope::Cloud, 401, "Authorization is missing");
    let form = Wanted::Refused(Envelope::Cloud, 401, "must be `Token <token>`");
    let unknown = Wanted::Refused(Envelope::Cloud, 401, "unknown");
    let long = "x".repeat(4_000);
    for (headers, wanted) in [
        (String::new(), missing.clone()),
        ("Authorization:\r\n".to_owned(), missing.clone()),
        ("Authorization:    \r\n".to_owned(), missing),
        ("Authorization: Token\r\n".to_owned(), form.clone()),
        ("Authorization: Token \r\n".to_owned(), form.clone()),
        (format!("Authorization: {token}\r\n"), form.clone()),
        (format!("Authorization: Token{token}\r\n"), form.clone()),
        (format!("Authorization: Token:{token}\r\n"), form.clone()),
        (format!("Authorization: Basic {token}\r\n"), form.clone()),
        (format!("Authorization: \"Token {token}\"\r\n"), form.clone()),
        (format!("Authorization: Token  {token}  \r\n"), Wanted::Taken),
        (format!("Authorization: Token\t{token}\r\n"), form),
        (format!("aUTHORIZATION: tOKEN {token}\r\n"), Wanted::Taken),
        (format!("Authorization: bearer {token}\r\n"), Wanted::Taken),
        (format!("Authorization: Token {token}x\r\n"), unknown.clone()),
        (format!("Authorization: Token {token} {token}\r\n"), unknown.clone()),
        (format!("Authorization: Token {}\r\n", &token[1..]), unknown.clone()),
        (format!("Authorization: Token {}\r\n", token.to_lowercase()), unknown.clone()),
        (format!("Authorization: Token {long}\r\n"), unknown.clone()),
        ("Authorization: Token null\r\n".to_owned(), unknown.clone()),
        ("Authorization: Token {{token}}\r\n".to_owned(), unknown.clone()),
        ("Authorization: Token %00\r\n".to_owned(), unknown.clone()),
        // The first of two counts.
        (format!("Authorization: Token x\r\nAuthorization: Token {token}\r\n"), unknown.clone()),
        (format!("Authorization: Token {token}\r\nAuthorization: Token x\r\n"), Wanted::Taken),
    ] {
        let request = format!("GET /service/cloud/robot HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let shown: String = headers.chars().take(40).collect();
        table.push(Case::new(format!("token: {shown:?}"), request, wanted));
    }
    let mut latin =
        b"GET /service/cloud/robot HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token \xe9\xff\r\n\r\n"
            .to_vec();
    table.push(Case::new("token: no UTF-8", latin.clone(), unknown));
    latin.truncate(latin.len() - 4);
    latin.extend_from_slice(b"\0\r\n\r\n");
    table.push(Case::new("token: a NUL", latin, Wanted::Bare(400)).garbles());
    // Whoever is not authorised gets to know nothing more: not of other mistakes either.
    for (path, envelope) in
        [("/service/cloud/task", Envelope::Cloud), ("/service/sms/message/v2/send", Envelope::Sms)]
    {
        let request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n{{");
        let wanted = Wanted::Refused(envelope, 401, "Authorization is missing");
        table.push(Case::new(format!("no token and no JSON for {path}"), request, wanted));
    }
}

fn encryption(world: &World, table: &mut Vec<Case>) {
    // The documented vector: `TaskID=69f531a01a9df58aa6de2487be610abb`.
    let text = "qbj8cnqKnqR66qDS49ib9ymU1mpMCyp8Dm0gS1VvmnEqTxPGSBzruAU1sapP+cye";
    let digest = "6956d7af4c89b89f19f9ae0a8be4bcf12abe7c6ed893691733f3480ad3f3aabc";
    let signed = format!("Is-Encrypted: 1\r\nSigned: {digest}\r\n");
    let detail = "/service/cloud/detail";
    let long = "A".repeat(4_000);
    for (query, headers, word) in [
        (text, "Is-Encrypted: 1\r\n", "Signed is missing"),
        (text, "Is-Encrypted: 1\r\nSigned:\r\n", "Signed is missing"),
        (text, "Is-Encrypted: 1\r\nSigned: x\r\n", "the key is right, but the digest is not"),
        (text, &format!("Is-Encrypted: 1\r\nSigned: {}\r\n", digest.to_uppercase()), "it is in upper case"),
        (text, &format!("Signed: {digest}\r\n"), "came without `Is-Encrypted: 1`"),
        ("", &signed, "empty"),
        ("TaskID=x", &signed, "base64"),
        ("!", &signed, "base64"),
        ("AAAA", &signed, "multiple of 16"),
        (&text[..20], &signed, "multiple of 16"),
        (&text[..text.len() - 1], &signed, "base64"),
        ("%ff%fe", &signed, "base64"),
        ("%00", &signed, "base64"),
        (&text.replace('+', "-"), &signed, "base64"),
        (&format!("{text}{text}"), &signed, "Signed does not match"),
        (&long, &signed, "multiple of 16"),
    ] {
        let shown: String = query.chars().take(20).collect();
        let wanted = Wanted::Refused(Envelope::Cloud, 400, word);
        let bytes = world.get_with(&format!("{detail}?{query}"), headers);
        table.push(Case::new(format!("encrypted query {shown:?}, {headers:?}"), bytes, wanted));
    }
    for (body, word) in [
        (&b""[..], "empty"),
        (b"{}", "base64"),
        (b"{\"TaskID\":\"x\"}", "base64"),
        (b"\xff\xfe", "base64"),
        (b"AAAAAAAAAAAAAAAAAAAAAA==", "another key"),
        (text.as_bytes(), "not JSON"),
        (b"\0", "base64"),
    ] {
        let wanted = Wanted::Refused(Envelope::Cloud, 400, word);
        let shown = String::from_utf8_lossy(body).chars().take(20).collect::<String>();
        let bytes = world.post_bytes(
            "/service/cloud/operation",
            &format!("Content-Type: application/json\r\n{signed}"),
            body,
        );
        table.push(Case::new(format!("encrypted body {shown:?}"), bytes, wanted));
    }
    // Nothing and 0 mean plain, and nothing else does.
    for (value, status, says) in
        [("0", 404, "TaskID"), ("", 404, "TaskID"), ("2", 400, "Is-Encrypted"), ("true", 400, "Is-Encrypted")]
    {
        let bytes = world.get_with(&format!("{detail}?TaskID=x"), &format!("Is-Encrypted: {value}\r\n"));
        let wanted = Wanted::Refused(Envelope::Cloud, status, says);
        table.push(Case::new(format!("Is-Encrypted: {value}"), bytes, wanted));
    }
    let bytes = world.get_with(&format!("{detail}?{text}"), &signed);
    table.push(Case::new(
        "an encrypted query for a task that is not there",
        bytes,
        Wanted::Refused(Envelope::Cloud, 404, "69f531a0"),
    ));
    let bytes = world.post_bytes("/service/cloud/auth", &signed, text.as_bytes());
    let wanted = Wanted::Refused(Envelope::Cloud, 400, "APPKey is missing");
    table.push(Case::new("an encrypted request for a token", bytes, wanted));
    let bytes = world.post_bytes("/service/cloud/emptycheck", &signed, text.as_bytes());
    let wanted = Wanted::Refused(Envelope::Detection, 400, "Is-Encrypted");
    table.push(Case::new("an encrypted request for number detection", bytes, wanted));
    let bytes = world.post_bytes("/service/sms/message/v2/send", &signed, text.as_bytes());
    let wanted = Wanted::Refused(Envelope::Sms, 400, "Is-Encrypted");
    table.push(Case::new("an encrypted text message", bytes, wanted));
}
