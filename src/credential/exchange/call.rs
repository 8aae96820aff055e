//! A token request, written as its description says.

use crate::model::exchange::{AssertionPlace, Encoding, Field, FieldValue, Hop};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use serde_json::{Map, Value};

/// The token request of this hop with this assertion, to be sent by POST. `None` where the assertion fits no header, or the query
/// no URL.
pub(super) fn request(hop: &Hop, assertion: &str) -> Option<Request<Bytes>> {
    let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let asserted = match &hop.assertion {
        AssertionPlace::Field(name) => Some((&**name, assertion)),
        AssertionPlace::Authorization => {
            let mut value = HeaderValue::try_from(format!("Bearer {assertion}")).ok()?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
            None
        }
    };
    headers.extend(hop.headers.iter().cloned());
    let (mut uri, mut body) = (hop.endpoint.uri().clone(), String::new());
    match hop.encoding {
        Encoding::Form => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            body = pairs(&hop.fields, asserted);
        }
        Encoding::Json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            body = object(&hop.fields, asserted).to_string();
        }
        Encoding::Query => uri = with_query(&uri, &pairs(&hop.fields, asserted))?,
    }
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some(request)
}

fn pairs(fields: &[Field], asserted: Option<(&str, &str)>) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for Field { name, value } in fields {
        let texts = match value {
            FieldValue::Text(text) => std::slice::from_ref(text),
            FieldValue::List(texts) => texts,
        };
        pairs.extend_pairs(texts.iter().map(|text| (name, text)));
    }
    pairs.extend_pairs(asserted);
    pairs.finish()
}

fn object(fields: &[Field], asserted: Option<(&str, &str)>) -> Value {
    let mut object: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_string(), json(&field.value))).collect();
    object.extend(asserted.map(|(name, value)| (name.to_owned(), Value::from(value))));
    Value::Object(object)
}

fn json(value: &FieldValue) -> Value {
    match value {
        FieldValue::Text(text) => Value::from(&**text),
        FieldValue::List(texts) => texts.iter().map(|text| Value::from(&**text)).collect(),
    }
}

fn with_query(uri: &Uri, pairs: &str) -> Option<Uri> {
    let separator = if uri.query().is_some() { '&' } else { '?' };
    let text = if pairs.is_empty() { uri.to_string() } else { format!("{uri}{separator}{pairs}") };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{ErrorForm, ResultRule};
    use http::HeaderName;
    use proptest::prelude::*;

    fn hop(encoding: Encoding, assertion: AssertionPlace, fields: Vec<Field>) -> Hop {
        Hop {
            endpoint: "https://party.example/token".parse().unwrap(),
            encoding,
            assertion,
            fields,
            headers: vec![(HeaderName::from_static("x-of-party"), HeaderValue::from_static("1"))],
            result: ResultRule {
                token: "/access_token".into(),
                expiry: Vec::new(),
                default_lifetime: None,
                max_lifetime: None,
                ends_with_assertion: false,
            },
            errors: ErrorForm::OAuth,
        }
    }

    fn text(name: &str, value: &str) -> Field {
        Field { name: name.into(), value: FieldValue::Text(value.into()) }
    }

    fn assertion(name: &str) -> AssertionPlace {
        AssertionPlace::Field(name.into())
    }

    fn header<'c>(call: &'c Request<Bytes>, name: &str) -> Vec<&'c str> {
        call.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn a_form_has_each_field_once_and_no_authorization() {
        let fields = vec![text("grant_type", "urn:a:b"), text("scope", "a b&c=d")];
        let call = request(&hop(Encoding::Form, assertion("subject_token"), fields), "a.b.c").unwrap();
        assert_eq!(
            std::str::from_utf8(call.body()).unwrap(),
            "grant_type=urn%3Aa%3Ab&scope=a+b%26c%3Dd&subject_token=a.b.c"
        );
        assert_eq!(header(&call, "content-type"), ["application/x-www-form-urlencoded"]);
        assert_eq!(header(&call, "x-of-party"), ["1"]);
        assert_eq!(header(&call, "authorization"), [""; 0]);
        assert_eq!(call.uri(), "https://party.example/token");
    }

    #[test]
    fn json_has_lists_as_arrays() {
        let scopes = FieldValue::List(vec!["a".into(), "b".into()]);
        let fields = vec![text("role", "r"), Field { name: "scope".into(), value: scopes }];
        let call = request(&hop(Encoding::Json, assertion("jwt"), fields), "a.b.c").unwrap();
        let body: Value = serde_json::from_slice(call.body()).unwrap();
        assert_eq!(body, serde_json::json!({"role": "r", "scope": ["a", "b"], "jwt": "a.b.c"}));
        assert_eq!(header(&call, "content-type"), ["application/json"]);
    }

    #[test]
    fn a_query_leaves_the_body_empty_and_the_assertion_in_its_header() {
        let fields = vec![text("scope", "org/repo"), text("identity", "ci")];
        let call = request(&hop(Encoding::Query, AssertionPlace::Authorization, fields), "a.b.c");
        let call = call.unwrap();
        assert_eq!(call.uri(), "https://party.example/token?scope=org%2Frepo&identity=ci");
        assert_eq!((header(&call, "authorization"), call.body().len()), (vec!["Bearer a.b.c"], 0));
        assert!(call.headers()[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn an_assertion_that_fits_no_header_makes_no_request() {
        let hop = hop(Encoding::Query, AssertionPlace::Authorization, Vec::new());
        assert!(request(&hop, "a\nb").is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_whatever_it_is(name in "\\PC{1,12}", value in "\\PC{0,40}") {
            let fields = vec![text(&name, &value)];
            let hop = hop(Encoding::Form, assertion("assertion of ours"), fields);
            let call = request(&hop, "a.b.c").unwrap();
            let read: Vec<_> = form_urlencoded::parse(call.body()).into_owned().collect();
            prop_assert_eq!(&read[0], &(name, value));
            prop_assert_eq!(read.len(), 2);
        }
    }
}
