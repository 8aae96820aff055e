# Everything that one workload needs in AWS: federation enabled in the account, a role, and the permission to ask for tokens
# for its APIs.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.36.0"
    }
  }
}

# Once per account. Where another configuration has done it, set enable_federation to false.
resource "aws_iam_outbound_web_identity_federation" "this" {
  count = var.enable_federation ? 1 : 0
}

resource "aws_iam_role" "workload" {
  name                 = var.role_name
  assume_role_policy   = var.assume_role_policy
  max_session_duration = var.max_session_duration
}

data "aws_iam_policy_document" "get_token" {
  statement {
    actions   = ["sts:GetWebIdentityToken"]
    resources = ["*"]

    # ForAllValues and Null belong together: ForAnyValue would let a foreign audience in beside an allowed one.
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "sts:IdentityTokenAudience"
      values   = var.audiences
    }
    condition {
      test     = "Null"
      variable = "sts:IdentityTokenAudience"
      values   = ["false"]
    }
    condition {
      test     = "NumericLessThanEquals"
      variable = "sts:DurationSeconds"
      values   = [tostring(var.longest_token_seconds)]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:SigningAlgorithm"
      values   = [var.signing_algorithm]
    }
  }
}

resource "aws_iam_role_policy" "get_token" {
  name   = "get-web-identity-token"
  role   = aws_iam_role.workload.id
  policy = data.aws_iam_policy_document.get_token.json
}
