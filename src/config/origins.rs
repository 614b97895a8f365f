//! Pages of other origins: which may read, and which may show the page in a frame of theirs.

/// Pages of which other origins may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// CORS is not ours: under the host the platform answers for it, and two answers break a browser.
    Platform,
    /// Any.
    Any,
    /// These, exactly as a browser writes them.
    These(Vec<String>),
}

/// Which pages may show the page in a frame of theirs, as the directive `frame-ancestors` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameAncestors(String);

impl Default for FrameAncestors {
    fn default() -> Self {
        Self("'self'".to_owned())
    }
}

impl FrameAncestors {
    /// Reads `'none'`, or `'self'` and origins, blanks between them.
    ///
    /// Errors: the first part that is none of these.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let is_known =
            |part: &&str| *part == "'self'" || *part == "'none'" && parts.len() == 1 || is_ancestor(part);
        match parts.iter().find(|part| !is_known(part)) {
            Some(part) => Err((*part).to_owned()),
            None => Ok(Self(parts.join(" "))),
        }
    }

    /// The sources of the directive.
    pub fn sources(&self) -> &str {
        &self.0
    }
}

/// Scheme, host and perhaps a port: what a browser sends as `Origin`, which has neither path nor final slash.
pub(super) fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*']))
}

/// An origin of which nothing else can be made in a header: no other directive, and no other source.
fn is_ancestor(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let host = text.split_once("://").map(|(_, host)| host);
    is_origin(text) && host.is_some_and(|host| host.bytes().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_origins_of_the_page_itself_or_of_nobody() {
        let parsed = |text: &str| FrameAncestors::parse(text).map(|sources| sources.0);
        for (text, sources) in [
            ("'none'", "'none'"),
            ("'self'  https://wiki.example", "'self' https://wiki.example"),
            ("https://dev.azure.com http://[::1]:8080", "https://dev.azure.com http://[::1]:8080"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(sources));
        }
        for (text, wrong) in [
            ("self", "self"),
            ("'self' 'none'", "'none'"),
            ("https://wiki.example/", "https://wiki.example/"),
            ("https://a.example;script-src", "https://a.example;script-src"),
            ("https://a.example, https://b.example", "https://a.example,"),
            ("*", "*"),
            ("wiki.example", "wiki.example"),
        ] {
            assert_eq!(parsed(text), Err(wrong.to_owned()));
        }
        assert_eq!(FrameAncestors::default().sources(), "'self'");
    }
}
