//! An emulator on a port of its own, and a client that shows the bytes.

use attache::emulator::Emulator;
use attache::emulator::handle::EmulatorHandle;
use attache::emulator::options::Options;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// What the token is about, besides the standard claims.
pub(crate) const ABOUT: &str = "https://sts.amazonaws.com/";
/// A call that mints for one audience.
pub(crate) const MINT: &str = "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=https%3A%2F%2Fapi.example.com&SigningAlgorithm=RS256";

/// A running emulator. Dropping it ends it.
pub(crate) struct World {
    pub(crate) addr: SocketAddr,
    pub(crate) issuer: String,
    pub(crate) handle: EmulatorHandle,
    stop: oneshot::Sender<()>,
    running: JoinSet<()>,
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let emulator = Emulator::bind(options).await.unwrap();
        let (addr, issuer) = (emulator.addr(), emulator.issuer().to_owned());
        let handle = emulator.handle();
        let (stop, stopped) = oneshot::channel();
        let mut running = JoinSet::new();
        running.spawn(emulator.run(async {
            let _ = stopped.await;
        }));
        Self { addr, issuer, handle, stop, running }
    }

    /// Asks the emulator to end and waits until it has.
    pub(crate) async fn shut_down(mut self) {
        self.stop.send(()).unwrap();
        self.running.join_next().await.unwrap().unwrap();
    }

    /// A call signed, as far as the emulator looks, with a long-term key.
    pub(crate) async fn call(&self, body: &str) -> Answer {
        self.call_as("AKIAEXAMPLE", body).await
    }

    pub(crate) async fn call_as(&self, access_key_id: &str, body: &str) -> Answer {
        let service = if body.contains("2010-05-08") { "iam" } else { "sts" };
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key_id}/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
        );
        let headers = [("authorization", authorization.as_str()), ("x-amz-date", "20260101T000000Z")];
        self.send("POST", "/", &headers, body).await.unwrap()
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let answer = self.send(method, path, &[], body).await.unwrap();
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// One request on a connection of its own.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> hyper::Result<Answer> {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut driving = JoinSet::new();
        driving.spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "emulator");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        })
    }

    /// Mints with this body and verifies the token as a relying party would.
    pub(crate) async fn minted(&self, access_key_id: &str, body: &str) -> TokenData<Value> {
        let answer = self.call_as(access_key_id, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.verified(answer.element("WebIdentityToken")).await
    }

    /// Verifies a token against what the issuer publishes; its audience and expiry are the caller's business.
    pub(crate) async fn verified(&self, token: &str) -> TokenData<Value> {
        self.checked(token).await.unwrap()
    }

    /// The same, where it may not verify.
    pub(crate) async fn checked(&self, token: &str) -> jsonwebtoken::errors::Result<TokenData<Value>> {
        let path = self.issuer.strip_prefix(&format!("http://{}", self.addr)).unwrap();
        let (_, keys) = self.json("GET", &format!("{path}/.well-known/jwks.json"), "").await;
        let keys: JwkSet = serde_json::from_value(keys).unwrap();
        let header = decode_header(token).unwrap();
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let mut validation = Validation::new(header.alg);
        validation.validate_aud = false;
        validation.validate_exp = false;
        validation.set_issuer(&[&self.issuer]);
        assert!(matches!(header.alg, Algorithm::RS256 | Algorithm::ES384));
        decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
    }

    /// Assumes a role and returns the answer.
    pub(crate) async fn assume(&self, more: &str) -> Answer {
        let answer = self
            .call(&format!(
                "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/team/worker&RoleSessionName=job-1&{more}"
            ))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }
}

impl Answer {
    /// The text of the first element of that name.
    pub(crate) fn element(&self, tag: &str) -> &str {
        let (_, rest) = self.body.split_once(&format!("<{tag}>")).expect(&self.body);
        rest.split_once(&format!("</{tag}>")).expect(&self.body).0
    }

    /// The status and the code of an error document.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.element("Code"))
    }
}
