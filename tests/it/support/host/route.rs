//! Route templates: literals, parameters, optional parameters. Literals match whatever their case.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

#[derive(Debug)]
pub struct Route(Vec<Segment>);

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter { name: String, optional: bool },
}

impl Route {
    /// Reads a template. Errors: it has something that no function here needs, such as a constraint.
    pub fn parse(prefix: &str, template: &str) -> Result<Self, String> {
        let parts = prefix.split('/').chain(template.split('/')).filter(|part| !part.is_empty());
        let mut segments = Vec::new();
        for part in parts {
            let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                if part.contains(['{', '}', '*', ':']) {
                    return Err(format!("the route `{template}` is beyond this host"));
                }
                segments.push(Segment::Literal(part.to_owned()));
                continue;
            };
            let (name, optional) = inner.strip_suffix('?').map_or((inner, false), |name| (name, true));
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(format!("the route `{template}` is beyond this host"));
            }
            segments.push(Segment::Parameter { name: name.to_owned(), optional });
        }
        let is_optional = |segment: &Segment| matches!(segment, Segment::Parameter { optional: true, .. });
        if segments.iter().rev().skip(1).any(is_optional) {
            return Err(format!("in the route `{template}` only the last segment can be optional"));
        }
        Ok(Self(segments))
    }

    /// The parameters of `path`, when it matches.
    pub fn matches(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut parts = path.strip_prefix('/')?.trim_end_matches('/').split('/');
        let mut parameters = BTreeMap::new();
        for segment in &self.0 {
            match (segment, parts.next()) {
                (Segment::Literal(literal), Some(part)) if literal.eq_ignore_ascii_case(part) => {}
                (Segment::Parameter { name, .. }, Some(part)) if !part.is_empty() => {
                    let value = percent_decode_str(part).decode_utf8_lossy().into_owned();
                    parameters.insert(name.clone(), value);
                }
                (Segment::Parameter { optional: true, .. }, None) => {}
                _ => return None,
            }
        }
        parts.next().is_none().then_some(parameters)
    }
}

#[test]
fn a_route_matches_what_the_hosts_router_matches() {
    let route = Route::parse("api", "webhooks/azure-devops/{event?}").unwrap();
    let event = |path: &str| route.matches(path).map(|parameters| parameters.get("event").cloned());
    assert_eq!(event("/api/webhooks/azure-devops"), Some(None));
    assert_eq!(event("/api/webhooks/azure-devops/"), Some(None));
    assert_eq!(event("/API/Webhooks/azure-devops/a%20b"), Some(Some("a b".into())));
    for other in ["/webhooks/azure-devops", "/api/webhooks", "/api/webhooks/azure-devops/a/b", "/", ""] {
        assert_eq!(event(other), None, "{other}");
    }
    for beyond in ["{*rest}", "a/{id:int}", "{a?}/b", "a{b}"] {
        assert!(Route::parse("api", beyond).is_err(), "{beyond}");
    }
}
