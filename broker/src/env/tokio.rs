//! [`super::Env`] on real sockets and files.
