//! Certificates of the tests' own.

/// A root, and a leaf that it signed, with the leaf's key.
pub struct Certified {
    pub root: rcgen::Certificate,
    pub leaf: rcgen::Certificate,
    pub key: rcgen::KeyPair,
}

/// Makes a new root and a leaf for these names.
pub fn certified(names: &[&str]) -> Certified {
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_key = rcgen::KeyPair::generate().unwrap();
    let root = params.self_signed(&root_key).unwrap();
    let issuer = rcgen::Issuer::new(params, root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    Certified { root, leaf, key }
}
