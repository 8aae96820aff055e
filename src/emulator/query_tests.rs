use super::*;
use proptest::prelude::*;

const MINT: &str = "Action=GetWebIdentityToken&Version=2011-06-15";

fn error(body: &str) -> ApiError {
    parse(body.as_bytes()).unwrap_err().error
}

fn minted(rest: &str) -> Result<Mint, ApiError> {
    match parse(format!("{MINT}&{rest}").as_bytes()) {
        Ok(Call::GetWebIdentityToken(mint)) => Ok(mint),
        Ok(other) => panic!("{other:?}"),
        Err(rejected) => Err(rejected.error),
    }
}

#[test]
fn a_list_is_read_by_its_index_and_not_by_its_order_of_arrival() {
    let mint = minted("Audience.member.10=c&Audience.member.2=b&Audience.member.1=a&SigningAlgorithm=ES384")
        .unwrap();
    assert_eq!(mint.audiences, ["a", "b", "c"]);
    assert_eq!(mint.algorithm, Algorithm::Es384);
}

#[test]
fn a_token_lives_for_five_minutes_unless_told_otherwise() {
    let without = minted("Audience.member.1=a&SigningAlgorithm=RS256").unwrap();
    assert_eq!(without.duration_seconds, 300);
    let with = minted("Audience.member.1=a&SigningAlgorithm=RS256&DurationSeconds=60").unwrap();
    assert_eq!(with.duration_seconds, 60);
}

#[test]
fn escapes_are_undone_once() {
    let mint = minted("Audience.member.1=https%3A%2F%2Fa.example%2Fx+y%252F&SigningAlgorithm=RS256").unwrap();
    assert_eq!(mint.audiences, ["https://a.example/x y%2F"]);
}

#[test]
fn a_broken_escape_is_a_syntax_error() {
    for body in ["Action=%", "Action=%4", "Action=%zz", "Action=%+1", "%ff=x"] {
        assert_eq!(error(body).code, ErrorCode::MalformedQueryString, "{body}");
    }
}

#[test]
fn an_unknown_action_or_version_is_named_in_the_refusal() {
    for (body, message) in [
        ("", "Could not find operation  for version NO_VERSION_SPECIFIED"),
        ("Action=Nothing&Version=2011-06-15", "Could not find operation Nothing for version 2011-06-15"),
        (
            "Action=GetWebIdentityToken&Version=2010-05-08",
            "Could not find operation GetWebIdentityToken for version 2010-05-08",
        ),
    ] {
        let refused = error(body);
        assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::InvalidAction, message));
    }
}

#[test]
fn each_parameter_keeps_its_rule() {
    let long = "x".repeat(1001);
    for (rest, part) in [
        (
            "SigningAlgorithm=RS256".to_owned(),
            "Value null at 'audience' failed to satisfy constraint: Member must not be null",
        ),
        (
            "Audience=&SigningAlgorithm=RS256".to_owned(),
            "'audience' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "Audience.member.1=&SigningAlgorithm=RS256".to_owned(),
            "'audience.1.member' failed to satisfy constraint: Member must have length greater",
        ),
        (
            format!("Audience.member.1={long}&SigningAlgorithm=RS256"),
            "Member must have length less than or equal to 1000",
        ),
        (
            "Audience.member.1=a".to_owned(),
            "Value null at 'signingAlgorithm' failed to satisfy constraint: Member must not be null",
        ),
        (
            "Audience.member.1=a&SigningAlgorithm=HS256".to_owned(),
            "Value 'HS256' at 'signingAlgorithm' failed to satisfy constraint",
        ),
        (
            "Audience.member.1=a&SigningAlgorithm=none".to_owned(),
            "Member must have length greater than or equal to 5",
        ),
        (
            "Audience.member.1=a&SigningAlgorithm=RS256&DurationSeconds=59".to_owned(),
            "Value '59' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60",
        ),
        (
            "Audience.member.1=a&SigningAlgorithm=RS256&DurationSeconds=3601".to_owned(),
            "Member must have value less than or equal to 3600",
        ),
        (
            "Audience.member.1=a&SigningAlgorithm=RS256&Tags.member.1.Key=a%2Cb&Tags.member.1.Value=v"
                .to_owned(),
            "Value 'a,b' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression",
        ),
        (
            "Audience.member.1=a&SigningAlgorithm=RS256&Tags.member.1.Key=a".to_owned(),
            "Value null at 'tags.1.member.value'",
        ),
    ] {
        let refused = minted(&rest).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ValidationError, "{rest}");
        assert!(refused.message.starts_with("1 validation error detected: "), "{}", refused.message);
        assert!(refused.message.contains(part), "{}", refused.message);
    }
}

#[test]
fn all_violations_are_told_together() {
    let refused = minted("DurationSeconds=1").unwrap_err();
    assert!(refused.message.starts_with("3 validation errors detected: Value null at 'audience'"));
}

#[test]
fn eleven_audiences_or_fifty_one_tags_are_too_many() {
    let audiences: String = (1..=11).map(|n| format!("Audience.member.{n}=a{n}&")).collect();
    let refused = minted(&format!("{audiences}SigningAlgorithm=RS256")).unwrap_err();
    assert!(refused.message.contains("at 'audience' failed"), "{}", refused.message);

    let tags: String =
        (1..=51).map(|n| format!("Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=&")).collect();
    let refused = minted(&format!("{tags}Audience.member.1=a&SigningAlgorithm=RS256")).unwrap_err();
    assert!(refused.message.contains("at 'tags' failed"), "{}", refused.message);
}

#[test]
fn a_tag_key_is_given_once_whatever_its_case() {
    let refused = minted(
        "Audience.member.1=a&SigningAlgorithm=RS256&Tags.member.1.Key=team&Tags.member.1.Value=x&Tags.member.2.Key=Team&Tags.member.2.Value=y",
    )
    .unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidParameterValue);
}

#[test]
fn what_is_no_number_is_malformed_input() {
    for rest in
        ["DurationSeconds=", "DurationSeconds=1h", "DurationSeconds=99999999999", "Audience.member.x=a"]
    {
        let rest = format!("SigningAlgorithm=RS256&{rest}");
        assert_eq!(minted(&rest).unwrap_err().code, ErrorCode::MalformedInput, "{rest}");
    }
}

#[test]
fn a_web_identity_token_is_not_shown_when_it_is_refused_or_printed() {
    let assume = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=s1";
    let refused = error(&format!("{assume}&WebIdentityToken=tok"));
    assert!(!refused.message.contains("tok'"), "{}", refused.message);
    let call = parse(format!("{assume}&WebIdentityToken=sesame-token").as_bytes()).unwrap();
    assert!(!format!("{call:?}").contains("sesame"));
}

fn escape(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&body);
    }

    #[test]
    fn no_parameters_make_it_panic(rest in "(&(Audience|Tags|Action|DurationSeconds)(\\.member)?(\\.[0-9x]{0,11})?(\\.Key|\\.Value)?=?[a-z0-9%+,]{0,6}){0,12}") {
        let _ = parse(format!("{MINT}{rest}").as_bytes());
    }

    #[test]
    fn what_an_sdk_sends_is_what_is_read(
        audiences in proptest::collection::vec("\\PC{1,40}", 1..=10),
        duration in 60..=3600_u32,
        value in "[\\p{L}\\p{N}_.:/=+@-]{0,40}",
    ) {
        let list: String =
            audiences.iter().enumerate().map(|(n, it)| format!("Audience.member.{}={}&", n + 1, escape(it))).collect();
        let rest = format!(
            "{list}DurationSeconds={duration}&SigningAlgorithm=RS256&Tags.member.1.Key=k&Tags.member.1.Value={}",
            escape(&value)
        );
        let mint = minted(&rest).unwrap();
        prop_assert_eq!(mint.audiences, audiences);
        prop_assert_eq!(mint.duration_seconds, duration);
        prop_assert_eq!(mint.tags, vec![("k".to_owned(), value)]);
    }
}
