//! Which cookies are read.

use crate::adapter::Ability;
use crate::adapter::bench::{Bench, recommended};
use crate::adapter::case::Case;
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "cookies/foreign",
        "B-044, B-049, cookie_lines",
        "finds our cookie among others, with quotes and other odd characters in them",
        |b| Box::pin(foreign(b)),
    ),
    Case::new(
        "cookies/lines",
        "D-cookie-lines, RFC 9113 section 8.2.3",
        "reads every Cookie line of a request",
        |b| Box::pin(lines(b)),
    ),
    Case::new(
        "cookies/bytes-beside",
        "D-cookie-lines",
        "reads our cookie beside a Cookie line that is not UTF-8, if it takes such a request at all",
        |b| Box::pin(bytes_beside(b)),
    ),
    Case::new(
        "cookies/bytes-within",
        "D-cookie-lines",
        "reads our cookie in a Cookie line that is not UTF-8",
        |b| Box::pin(bytes_within(b)),
    )
    .needs(Ability::Bytes),
    Case::new(
        "cookies/several",
        "B-050, Config::begin",
        "asks for each cookie of our name, so that a stale one hides no other",
        |b| Box::pin(several(b)),
    ),
    Case::new(
        "cookies/forged",
        "B-057, Config::begin",
        "asks the store nothing for a forged cookie, and makes a new session",
        |b| Box::pin(forged(b)),
    ),
    Case::new(
        "cookies/elsewhere",
        "Config::begin, CK-9",
        "looks for a session in Cookie lines alone: not in the path, the query or another header field",
        |b| Box::pin(elsewhere(b)),
    ),
];

async fn foreign(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    for line in [
        format!("a=1; {cookie}; b=2"),
        format!("a=\"x; {cookie}"),
        format!("flag; =; a=%ZZ; x{cookie}; {cookie};"),
        format!("a={{\"b\":[1,2]}}; c=\\; {cookie}"),
        format!("a=1;{cookie};b"),
    ] {
        let answer = site.get("/").cookie(&line).reading().send().await?;
        answer.is(&format!("Cookie: {line}"), 200, "1")?;
    }
    Ok(())
}

async fn lines(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    for place in 0..3 {
        let mut visit = site.get("/").reading();
        for line in 0..3 {
            visit = if line == place {
                visit.cookie(&cookie)
            } else {
                visit.cookie(format!("other{line}=x"))
            };
        }
        let case = format!("three Cookie lines, ours is at {place}");
        visit.send().await?.is(&case, 200, "1")?;
    }
    Ok(())
}

async fn bytes_beside(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let odd = b"other=caf\xE9\xFF";
    for (visit, case) in [
        (site.get("/").cookie(odd).cookie(&cookie), "a line with bytes, and then ours"),
        (site.get("/").cookie(&cookie).cookie(odd), "ours, and then a line with bytes"),
    ] {
        match visit.reading().begin().ends().await? {
            // The framework may refuse such a request altogether.
            Err(_) if !b.can(Ability::Bytes) => {}
            Ok(answer) if !b.can(Ability::Bytes) && answer.status.is_client_error() => {}
            Ok(answer) => answer.is(case, 200, "1")?,
            Err(error) => return Err(Flaw::new(case, "an answer", error.to_string())),
        }
    }
    Ok(())
}

async fn bytes_within(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    for line in [
        [b"other=caf\xE9; ", cookie.as_bytes()].concat(),
        [cookie.as_bytes(), b"; other=\xFF\x80"].concat(),
    ] {
        let answer = site.get("/").cookie(&line).reading().send().await?;
        answer.is(&format!("Cookie: {}", line.escape_ascii()), 200, "1")?;
    }
    Ok(())
}

async fn several(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let forged = site.forged("sid1");
    let one = site.get("/").cookie(format!("{forged}; {cookie}")).reading().send().await?;
    one.is("a forged cookie of our name, and then ours", 200, "1")?;
    let two = site.get("/").cookie(&forged).cookie(&cookie).reading().send().await?;
    two.is("the same in two lines", 200, "1")
}

async fn forged(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (_, id) = site.visitor().await?;
    let answer = site.get("/").cookie(site.forged(&id)).reading().send().await?;
    answer.is("a forged cookie", 200, "none")?;
    let calls = site.shelf.calls();
    ensure(calls.is_empty(), "a forged cookie", "no call", format!("{calls:?}"))
}

async fn elsewhere(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let value = cookie.split_once('=').map_or("", |(_, value)| value);
    for visit in [
        site.get(&format!("/?{cookie}")),
        site.get(&format!("/?sid={value}&session={id}")),
        site.get(&format!("/;jsessionid={value}")),
        site.get(&format!("/;{cookie}")),
        site.get(&format!("/{value}")),
        site.get("/").with("authorization", format!("Bearer {value}")),
        site.get("/").with("authorization", format!("Session {id}")),
        site.get("/").with("x-session-id", value),
        site.get("/").with("x-session-id", &id),
        site.get("/").with("cookie2", &cookie),
        site.get("/").with("set-cookie", &cookie),
        site.get("/").with("x-cookie", &cookie),
    ] {
        let case = visit.line();
        visit.reading().send().await?.is(&case, 200, "none")?;
        let calls = site.shelf.calls();
        ensure(calls.is_empty(), &case, "no call", format!("{calls:?}"))?;
    }
    Ok(())
}
