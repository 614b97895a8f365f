//! The journal on Redis where it is more than the contract: outages, lost stores, newer stores, and two instances.
