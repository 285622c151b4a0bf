//! Whether the client's connection is secure.

use http_session::{Config, ConfigBuilder, Connection, CookieOptions, Proxy};

use crate::adapter::Ability;
use crate::adapter::bench::{Bench, express};
use crate::adapter::case::Case;
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new("secure/plain", "B-136, B-137", "sends no Secure cookie over plain HTTP", |b| {
        Box::pin(plain(b))
    }),
    Case::new(
        "secure/encrypted",
        "B-156, Connection::Encrypted",
        "sends a Secure cookie over TLS, also where no proxy is trusted",
        |b| Box::pin(encrypted(b)),
    )
    .needs(Ability::Connections),
    Case::new(
        "secure/upstream",
        "B-157, B-158, Connection::SecureUpstream",
        "believes who knows the proxy, unless the option proxy says otherwise",
        |b| Box::pin(upstream(b)),
    )
    .needs(Ability::Connections),
    Case::new(
        "secure/untrusted",
        "B-157, Proxy::Distrust",
        "does not believe X-Forwarded-Proto unless proxy(true) says so",
        |b| Box::pin(untrusted(b)),
    ),
    Case::new(
        "secure/forwarded",
        "B-159, Proxy::Trust",
        "believes X-Forwarded-Proto under proxy(true)",
        |b| Box::pin(forwarded(b)),
    ),
    Case::new(
        "secure/first",
        "B-159, B-160, RequestFacts::forwarded_proto",
        "hands over the first X-Forwarded-Proto line, which counts under express-session's preset",
        |b| Box::pin(first(b)),
    ),
    Case::new(
        "secure/last",
        "B-162, RequestFacts::forwarded_proto",
        "hands over the last X-Forwarded-Proto line, which counts under the safe preset",
        |b| Box::pin(last(b)),
    ),
    Case::new(
        "secure/rfc7239",
        "RFC 7239 section 5.4, RequestFacts::forwarded",
        "hands over the last Forwarded line, which counts under Proxy::Forwarded, and under no other option",
        |b| Box::pin(rfc7239(b)),
    ),
];

fn safe() -> ConfigBuilder {
    Config::recommended("the secret of the contract for adapters")
}

fn quirky() -> ConfigBuilder {
    express().cookie(CookieOptions::new().secure(true))
}

/// A connection, lines of a header field, and whether a Secure cookie goes out.
type Seen<'a> = (Connection, &'a [&'a str], bool);

async fn secure(b: &Bench<'_>, config: fn() -> ConfigBuilder, cases: &[Seen<'_>]) -> Outcome {
    secure_by(b, "x-forwarded-proto", config, cases).await
}

async fn secure_by(
    b: &Bench<'_>,
    name: &'static str,
    config: fn() -> ConfigBuilder,
    cases: &[Seen<'_>],
) -> Outcome {
    let site = b.site(config()).await?;
    for (connection, lines, secure) in cases {
        let mut visit = site.get("/").counting().over(*connection);
        for line in *lines {
            visit = visit.with(name, line);
        }
        let answer = visit.send().await?;
        let case = format!("the connection is {connection:?}, {name} is {lines:?}");
        let sent = !answer.lines("set-cookie").is_empty();
        let says = |sent| if sent { "a cookie" } else { "no cookie" };
        ensure(sent == *secure, &case, says(*secure), says(sent))?;
    }
    Ok(())
}

const PLAIN: Connection = Connection::Plain;

async fn plain(b: &Bench<'_>) -> Outcome {
    secure(b, safe, &[(PLAIN, &[], false)]).await?;
    secure(b, quirky, &[(PLAIN, &[], false)]).await
}

async fn encrypted(b: &Bench<'_>) -> Outcome {
    let cases: &[Seen<'_>] = &[(Connection::Encrypted, &[], true), (PLAIN, &[], false)];
    secure(b, safe, cases).await?;
    secure(b, || safe().proxy(false), cases).await?;
    secure(b, quirky, cases).await
}

async fn upstream(b: &Bench<'_>) -> Outcome {
    const UPSTREAM: Connection = Connection::SecureUpstream;
    secure(b, safe, &[(UPSTREAM, &[], true)]).await?;
    secure(b, || safe().proxy(false), &[(UPSTREAM, &[], false)]).await?;
    secure(b, || quirky().proxy(true), &[(UPSTREAM, &[], false)]).await
}

async fn untrusted(b: &Bench<'_>) -> Outcome {
    let cases: &[Seen<'_>] = &[(PLAIN, &["https"], false)];
    secure(b, safe, cases).await?;
    secure(b, || quirky().proxy(false), cases).await
}

async fn forwarded(b: &Bench<'_>) -> Outcome {
    let cases: &[Seen<'_>] =
        &[(PLAIN, &["https"], true), (PLAIN, &["http"], false), (PLAIN, &[], false)];
    secure(b, || safe().proxy(true), cases).await?;
    secure(b, || quirky().proxy(true), cases).await
}

async fn first(b: &Bench<'_>) -> Outcome {
    let cases: &[Seen<'_>] = &[
        (PLAIN, &["https", "http"], true),
        (PLAIN, &["http", "https"], false),
        (PLAIN, &["https, http"], true),
        (PLAIN, &["http", "x", "https"], false),
    ];
    secure(b, || quirky().proxy(true), cases).await
}

async fn last(b: &Bench<'_>) -> Outcome {
    let cases: &[Seen<'_>] = &[
        (PLAIN, &["http", "https"], true),
        (PLAIN, &["https", "http"], false),
        (PLAIN, &["http, https"], true),
        (PLAIN, &["https", "x", "http"], false),
    ];
    secure(b, || safe().proxy(true), cases).await
}

async fn rfc7239(b: &Bench<'_>) -> Outcome {
    let cases: &[Seen<'_>] = &[
        (PLAIN, &["proto=https"], true),
        (PLAIN, &["for=192.0.2.43; Proto=\"https\""], true),
        (PLAIN, &["proto=http", "proto=https"], true),
        (PLAIN, &["proto=https", "proto=http"], false),
        (PLAIN, &["proto=https, for=\"[2001:db8::17]\";proto=http"], false),
        (PLAIN, &["proto=http"], false),
        (PLAIN, &[], false),
    ];
    secure_by(b, "forwarded", || safe().proxy(Proxy::Forwarded), cases).await?;
    secure_by(b, "forwarded", || quirky().proxy(Proxy::Forwarded), cases).await?;
    let others: &[Seen<'_>] = &[(PLAIN, &["proto=https"], false)];
    secure_by(b, "forwarded", || safe().proxy(true), others).await?;
    secure_by(
        b,
        "x-forwarded-proto",
        || safe().proxy(Proxy::Forwarded),
        &[(PLAIN, &["https"], false)],
    )
    .await
}
