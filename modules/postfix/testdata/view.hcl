# /etc/postfix/main.cf:2
postfix_parameter "compatibility_level" { value = "2" }
postfix_parameter "myhostname" { value = "mail.example.com" }

# /etc/postfix/main.cf:4
postfix_parameter "mydestination" {
  value = ["$myhostname", "localhost.$mydomain", "localhost"]
}

# /etc/postfix/main.cf:8
postfix_parameter "smtpd_banner" { value = "$myhostname ESMTP" }

# /etc/postfix/main.cf:9
postfix_parameter "smtpd_recipient_restrictions" {
  value = [
    "permit_mynetworks",
    "check_client_access hash:$config_directory/access",
    "warn_if_reject reject_rbl_client bl.example",
    "reject",
  ]
}

# /etc/postfix/main.cf:15
postfix_parameter "smtpd_tls_auth_only" { value = true }
postfix_parameter "biff" { value = "$soft" }
postfix_parameter "message_size_limit" { value = 52428800 }
postfix_parameter "max_idle" { value = "100s" }
postfix_parameter "mynetworks" { value = [] }
postfix_parameter "tables" { value = "hash:/etc/postfix" }

# /etc/postfix/main.cf:21
postfix_parameter "virtual_alias_maps" {
  value = ["$${tables}/virtual", "pcre:/etc/postfix/v.pcre"]
}

# /etc/postfix/main.cf:22
postfix_parameter "smtp_sasl_password_maps" {
  value = ["hash:/etc/postfix/sasl_passwd"]
}

# /etc/postfix/main.cf:23
postfix_parameter "alias_maps" { value = ["hash:/etc/aliases", "hash:/etc/mail/more"] }
postfix_parameter "header_checks" { value = ["regexp:/etc/postfix/header_checks"] }

# /etc/postfix/master.cf:2
postfix_service "smtp/inet" {
  private = false
  chroot  = false
  command = "smtpd"
}

# /etc/postfix/master.cf:4
postfix_service "submission/inet" {
  private       = false
  chroot        = false
  process_limit = 10
  command       = "smtpd"
  options = {
    smtpd_client_restrictions = "permit_mynetworks,       reject",
    syslog_name               = "postfix/submission",
    transport_maps            = "hash:/etc/postfix/transport",
  }
  args = ["-v"]
}

# /etc/postfix/master.cf:10
postfix_service "pickup/unix" {
  private       = false
  chroot        = false
  wakeup        = "60?"
  process_limit = 1
  command       = "pickup"
}

# /etc/postfix/master.cf:11
postfix_service "maildrop/unix" {
  unprivileged = false
  chroot       = false
  command      = "pipe"
  args = [
    "flags=DRXhu",
    "user=vmail",
    "argv=/usr/bin/maildrop",
    "-d",
    "$${recipient}",
    "a b",
  ]
}

# /etc/postfix/access:2
mail_map "/etc/postfix/access" "192.0.2.1" { value = "OK" }
mail_map "/etc/postfix/access" "10" { value = "REJECT no  more" }

# /etc/postfix/virtual:1
mail_map "/etc/postfix/virtual" "info@example.com" { value = "ann, bob" }
mail_map "/etc/postfix/virtual" "\"j d\"@example.com" { value = "jd" }

# /etc/aliases:1
mail_alias "postmaster" { value = ["root"] }
mail_alias "root" { value = ["ann", "\"|prog a,b\"", ":include:/etc/list"] }

# /etc/mail/more:1
mail_alias "/etc/mail/more" "list" { value = ["taro"] }
