//! How requests that carry a secret leave this process: they follow no redirect, and go to whoever a root certificate of
//! this machine vouches for, or one that a setting adds.

use std::time::Duration;

use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::platform::is_this_machine;

/// Root certificates that are trusted beside those of this machine.
#[derive(Clone, Debug, Default)]
pub struct RootCertificates(Vec<reqwest::Certificate>);

impl RootCertificates {
    /// Those in a text in PEM; `None` where there is none, or one that cannot be used.
    pub fn from_pem(text: &[u8]) -> Option<Self> {
        let ders: Vec<_> = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().ok()?;
        let mut store = rustls::RootCertStore::empty();
        let usable = |der: CertificateDer<'static>| {
            let certificate = reqwest::Certificate::from_der(&der).ok()?;
            store.add(der).ok()?;
            Some(certificate)
        };
        let certificates: Vec<_> = ders.into_iter().map(usable).collect::<Option<_>>()?;
        (!certificates.is_empty()).then_some(Self(certificates))
    }
}

/// A client for requests to `url` and to nobody else.
pub fn http_client(url: &Url, roots: &RootCertificates) -> reqwest::ClientBuilder {
    // It is already installed when this is not the first client of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("boardcast/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5));
    builder = match url.scheme() {
        // The certificates of the machine are neither needed nor missed then.
        "http" => builder.tls_certs_only([]),
        _ => builder.tls_certs_merge(roots.0.iter().cloned()),
    };
    if url.host_str().is_some_and(is_this_machine) { builder.no_proxy() } else { builder }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> String {
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn root_certificates_are_all_usable_or_none_is_taken() {
        let (one, other) = (root(), root());
        let both = RootCertificates::from_pem(format!("Our root:\n{one}\n{other}").as_bytes()).unwrap();
        assert_eq!(both.0.len(), 2);
        let broken = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n";
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for nonsense in ["", "hunter2", broken, &format!("{one}{broken}"), &key] {
            assert!(RootCertificates::from_pem(nonsense.as_bytes()).is_none(), "{nonsense}");
        }
    }
}
