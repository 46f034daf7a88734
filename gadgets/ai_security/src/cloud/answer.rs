//! What the service answered, or why there is no answer: told so that a caller knows whether to mend its call, to wait,
//! or to tell the operator.

use gadget::http::{Error, Response};
use gadget::serde_json::Value as Json;

use crate::shapes::Lacks;

/// Characters of a text of the service that are told.
const SHOWN: usize = 300;
/// Who is meant.
const NAME: &str = "Prisma AIRS";

/// Why there is no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// What happened, and what to do.
    pub message: String,
    /// The HTTP status.
    pub status: Option<u16>,
    /// How long to wait before asking again.
    pub retry_after_seconds: Option<u64>,
    /// It took too long.
    pub late: bool,
    /// The caller's call is wrong, and would be at any time.
    pub callers: bool,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// The request is larger than the service takes.
    pub fn too_large(bytes: usize, most: usize) -> Self {
        let message =
            format!("the request has {bytes} bytes, and {NAME} takes at most {most}; scan it in parts");
        Self { callers: true, ..Self::new(message) }
    }

    /// The answer is not what it should be.
    pub fn lacks(Lacks(what): Lacks) -> Self {
        Self {
            status: Some(200),
            ..Self::new(format!("the answer of {NAME} lacks {what}, so there is no verdict"))
        }
    }

    /// The answer is no list.
    pub fn lacks_list() -> Self {
        Self { status: Some(200), ..Self::new(format!("the answer of {NAME} is no list")) }
    }

    /// There is none.
    pub fn lacks_all() -> Self {
        Self::new(format!("the host gave no answer of {NAME}"))
    }
}

/// The JSON of an answer.
pub(super) fn read(answer: Result<Response, Error>) -> Result<Json, Problem> {
    let response = answer.map_err(|error| Problem {
        late: matches!(error, Error::Timeout(_)),
        ..Problem::new(format!("{NAME}: {error}"))
    })?;
    if response.status != 200 {
        return Err(refused(&response));
    }
    let kind = response.header("content-type").unwrap_or("none");
    let status = Some(200);
    if !kind.trim_start().get(..16).is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        let kind = shown(kind);
        let message =
            format!("{NAME} answered with content type {kind}, not application/json; check the endpoint");
        return Err(Problem { status, ..Problem::new(message) });
    }
    response.json().map_err(|error| Problem {
        status,
        ..Problem::new(format!("the answer of {NAME} is no JSON: {error}; check the endpoint"))
    })
}

fn refused(response: &Response) -> Problem {
    let body: Json = response.json().unwrap_or_default();
    let said = said(&body);
    let status = response.status;
    let wait = retry_after(&body).or_else(|| response.header("retry-after")?.trim().parse().ok());
    let about = match &said {
        Some(said) => format!("{NAME} says {said:?} ({status})"),
        None => format!("{NAME} answered {status}"),
    };
    let what = match status {
        400 => "mend the request".to_owned(),
        401 => {
            "the credential is missing: the operator must bind PANW_AI_SEC_API_KEY or PANW_AI_SEC_API_TOKEN"
                .to_owned()
        }
        403 => "the credential is invalid, revoked or expired: the operator must bind another".to_owned(),
        404 | 405 | 415 => "the operator must check PANW_AI_SEC_API_ENDPOINT".to_owned(),
        413 => "scan it in parts".to_owned(),
        429 => match wait {
            Some(seconds) => format!("the quota is used up: ask again in {seconds} seconds"),
            None => "the quota is used up: ask again later".to_owned(),
        },
        500.. => format!("it failed {} times: ask again later", response.tries),
        _ => "that is no answer of its API: the operator must check PANW_AI_SEC_API_ENDPOINT".to_owned(),
    };
    Problem {
        message: format!("{about}; {what}"),
        status: Some(status),
        retry_after_seconds: wait.filter(|_| status == 429),
        late: status == 504,
        callers: matches!(status, 400 | 413),
    }
}

/// The text of an error, in any of the forms that the service has.
fn said(body: &Json) -> Option<String> {
    let texts = [body.pointer("/error/message"), body.get("message"), body.get("error")];
    let text = texts.into_iter().flatten().find_map(Json::as_str)?;
    (!text.is_empty()).then(|| shown(text))
}

/// `{"error": {"retry_after": {"interval": 5, "unit": "minute"}}}`, in seconds.
fn retry_after(body: &Json) -> Option<u64> {
    let after = body.pointer("/error/retry_after").or_else(|| body.get("retry_after"))?;
    let interval = after.get("interval")?.as_u64()?;
    let unit = after.get("unit").and_then(Json::as_str).unwrap_or("second").trim_end_matches('s');
    let seconds = match unit {
        "hour" => 3600,
        "minute" => 60,
        _ => 1,
    };
    interval.checked_mul(seconds)
}

/// Foreign text, fit to be shown.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Problem {
        let response = Response::new(status).with_header("content-type", "application/json").with_body(body);
        read(Ok(response)).unwrap_err()
    }

    #[test]
    fn problems_say_what_to_do_and_whose_they_are() {
        let quota =
            r#"{"error":{"message":"Request exceeds limit","retry_after":{"interval":5,"unit":"minute"}}}"#;
        let problem = of(429, quota);
        assert_eq!(problem.retry_after_seconds, Some(300));
        assert!(problem.message.contains("ask again in 300 seconds"), "{}", problem.message);
        assert_eq!(of(429, "").retry_after_seconds, None);
        let cases = [
            (400, r#"{"error":{"message":"bad uuid"}}"#, "\"bad uuid\" (400)", true),
            (401, r#"{"error":{"message":"Not Authenticated"}}"#, "PANW_AI_SEC_API_KEY", false),
            (403, r#"{"status_code":403,"message":"Invalid API Key"}"#, "\"Invalid API Key\" (403)", false),
            (404, "<html>", "answered 404", false),
            (405, r#"{"error":"no"}"#, "\"no\" (405)", false),
            (413, "{}", "in parts", true),
            (415, "{}", "ENDPOINT", false),
            (500, "", "failed 1 times", false),
            (503, r#"{"message":"a\nb"}"#, "\"ab\"", false),
            (302, "", "no answer of its API", false),
            (200, "<html>", "no JSON", false),
        ];
        for (status, body, part, callers) in cases {
            let problem = of(status, body);
            assert!(problem.message.contains(part), "{status}: {}", problem.message);
            assert_eq!((problem.callers, problem.status), (callers, Some(status)), "{status}");
        }
        let html = Response::new(200).with_header("Content-Type", "text/html").with_body("{}");
        assert!(read(Ok(html)).unwrap_err().message.contains("content type text/html"));
        assert!(read(Err(Error::Timeout("late".into()))).unwrap_err().late);
    }
}
