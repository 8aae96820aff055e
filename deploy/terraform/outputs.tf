output "role_arn" {
  value       = aws_iam_role.workload.arn
  description = "The sub that the API has to expect."
}

output "issuer" {
  value       = one(aws_iam_outbound_web_identity_federation.this[*].issuer_identifier)
  description = "The iss that the API has to trust; null where enable_federation is false."
}
