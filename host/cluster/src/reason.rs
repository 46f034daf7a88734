//! Errors of the API in one line, for people: what the server said, or everything that stood behind a failed connection,
//! each thing once.

use std::error::Error;

/// What went wrong with a request.
pub(crate) fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => match status.message.as_str() {
            "" => format!("the API server answered {} {}", status.code, status.reason),
            message => format!("the API server answered {}: {message}", status.code),
        },
        other => chain(other),
    }
}

/// An error and all that is behind it; what repeats what was said already is left out.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        if !text.contains(&said) {
            text = match text.is_empty() || said.contains(&text) {
                true => said,
                false => format!("{text}: {said}"),
            };
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn what_the_server_said() {
        let status = Status::failure("pods is forbidden", "Forbidden").with_code(403);
        assert_eq!(
            reason(&kube::Error::Api(status.boxed())),
            "the API server answered 403: pods is forbidden"
        );
        let status = Status::failure("", "Expired").with_code(410);
        assert_eq!(reason(&kube::Error::Api(status.boxed())), "the API server answered 410 Expired");
    }

    #[test]
    fn each_thing_once() {
        let inner = std::io::Error::other("connection refused");
        let error = kube::Error::ReadEvents(inner);
        assert_eq!(reason(&error), "Error reading events stream: connection refused");
    }
}
