variable "role_name" {
  type        = string
  description = "Name of the workload's role; its ARN becomes the token's sub."
}

variable "assume_role_policy" {
  type        = string
  description = "Who may take the role, as JSON: EC2, ECS tasks, EKS pods or a function."
}

variable "audiences" {
  type        = list(string)
  description = "The audiences that tokens may be asked for, such as https://api.example.com."

  validation {
    condition     = length(var.audiences) > 0
    error_message = "Name at least one audience."
  }
}

variable "signing_algorithm" {
  type        = string
  default     = "RS256"
  description = "As --token-signing-algorithm: RS256 or ES384."

  validation {
    condition     = contains(["RS256", "ES384"], var.signing_algorithm)
    error_message = "STS signs with RS256 or ES384."
  }
}

variable "longest_token_seconds" {
  type        = number
  default     = 3600
  description = "The longest life of a token, at least --token-duration."

  validation {
    condition     = var.longest_token_seconds >= 60 && var.longest_token_seconds <= 3600
    error_message = "STS mints tokens of 60 to 3600 seconds."
  }
}

variable "max_session_duration" {
  type        = number
  default     = 3600
  description = "The longest session of the role, in seconds. No token outlives the session that asked for it."
}

variable "enable_federation" {
  type        = bool
  default     = true
  description = "Whether to enable outbound web identity federation in the account."
}
