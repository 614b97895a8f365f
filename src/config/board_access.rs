//! Who decides who may look at boards. The package says it: of its functions that hand out boards, either each needs a key
//! of the Functions host's, or none does and App Service has people sign in.

use serde_json::Value;

/// Who decides who may look at boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardAccess {
    /// Nobody: a standalone server, which whoever reaches its port may read.
    Anybody,
    /// The Functions host, which lets nobody through without one of its keys.
    Keys,
    /// App Service, which has people sign in before the host, and the host lets everybody through.
    SignIn,
}

impl BoardAccess {
    /// The folders of the functions that hand out boards.
    pub const FUNCTIONS: [&str; 2] = ["Snapshot", "SseStream"];

    /// What a package says, whose `function.json` of a folder `function_json` knows.
    ///
    /// Errors: a file that does not say it as `scripts/stage` writes it, since what the host makes of that is not known
    /// here; or two that contradict each other.
    pub(super) fn of_package(function_json: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut found: Option<(&str, Self)> = None;
        for folder in Self::FUNCTIONS {
            let Some(text) = function_json(folder) else {
                return Err(format!(
                    "{folder}/function.json is neither beside the executable nor in the working directory, and it says who \
                     may look at boards: {REMEDY}"
                ));
            };
            let access = Self::of_function(&text).ok_or_else(|| {
                format!(
                    "{folder}/function.json has to name the authLevel function, admin or anonymous: {REMEDY}"
                )
            })?;
            match found {
                Some((other, before)) if before != access => {
                    let open = if access == Self::SignIn { folder } else { other };
                    return Err(format!(
                        "{open}/function.json has the authLevel anonymous, and the other of {other} and {folder} has not; \
                         where everybody may read one, the key of the other keeps nothing secret: {REMEDY}"
                    ));
                }
                _ => found = Some((folder, access)),
            }
        }
        Ok(found.map_or(Self::Keys, |(_, access)| access))
    }

    /// What one `function.json` says.
    fn of_function(text: &str) -> Option<Self> {
        let function: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
        let bindings = function.get("bindings")?.as_array()?;
        let is_trigger = |binding: &&Value| binding.get("type").is_some_and(|kind| kind == "httpTrigger");
        let level = bindings.iter().find(is_trigger)?.get("authLevel")?.as_str()?;
        match level.to_ascii_lowercase().as_str() {
            "anonymous" => Some(Self::SignIn),
            "function" | "admin" => Some(Self::Keys),
            _ => None,
        }
    }
}

/// What an operator can do about a package that is none of the two.
const REMEDY: &str = "deploy dist/boardcast, which needs function keys, or dist/boardcast-sign-in, as scripts/package makes \
                      them, and change neither";

#[cfg(test)]
mod tests {
    use super::*;

    fn function(level: &str) -> String {
        format!(r#"{{"bindings":[{{"type":"httpTrigger","authLevel":{level}}},{{"type":"http"}}]}}"#)
    }

    fn of_levels(snapshot: &str, stream: &str) -> Result<BoardAccess, String> {
        let of = |folder: &str| Some(function(if folder == "Snapshot" { snapshot } else { stream }));
        BoardAccess::of_package(of)
    }

    #[test]
    fn a_package_is_one_of_two_variants() {
        assert_eq!(of_levels(r#""function""#, r#""function""#), Ok(BoardAccess::Keys));
        assert_eq!(of_levels(r#""admin""#, r#""Function""#), Ok(BoardAccess::Keys));
        assert_eq!(of_levels(r#""anonymous""#, r#""Anonymous""#), Ok(BoardAccess::SignIn));
        let shipped = |folder: &str| {
            Some(match folder {
                "Snapshot" => include_str!("../../Snapshot/function.json").to_owned(),
                _ => format!("\u{feff}{}", include_str!("../../SseStream/function.json")),
            })
        };
        assert_eq!(BoardAccess::of_package(shipped), Ok(BoardAccess::Keys));
    }

    #[test]
    fn a_mixture_names_what_is_open_and_both_packages() {
        for (levels, open) in [(["anonymous", "function"], "Snapshot"), (["admin", "anonymous"], "SseStream")]
        {
            let [snapshot, stream] = levels.map(|level| format!("\"{level}\""));
            let error = of_levels(&snapshot, &stream).unwrap_err();
            assert!(
                error.starts_with(&format!("{open}/function.json has the authLevel anonymous")),
                "{error}"
            );
            assert!(error.contains("dist/boardcast,") && error.contains("dist/boardcast-sign-in"), "{error}");
        }
    }

    #[test]
    fn what_the_host_may_read_in_another_way_is_refused() {
        for level in ["0", "null", r#""0""#, r#""everybody""#, "[]"] {
            let error = of_levels(level, r#""function""#).unwrap_err();
            assert!(
                error.starts_with("Snapshot/function.json has to name the authLevel"),
                "{level}: {error}"
            );
        }
        for text in ["", "[]", "{}", r#"{"bindings":[{"type":"httpTrigger"}]}"#] {
            assert!(BoardAccess::of_package(|_| Some(text.to_owned())).is_err(), "{text}");
        }
        let error =
            BoardAccess::of_package(|folder| (folder == "Snapshot").then(|| function(r#""function""#)));
        assert!(error.unwrap_err().starts_with("SseStream/function.json is neither beside"));
    }
}
