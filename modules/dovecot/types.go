package dovecot

import (
	"strings"
	"sync"
)

// sort is how dovecot reads the text of a setting.
type sort int

const (
	text     sort = iota
	flag          // yes or no
	number        // decimal, of 32 bits
	octal         // a mode
	interval      // a number and its unit: "30 mins"
	millis        // an interval that may have milliseconds
	size          // a number and its unit: "256M"
	words         // parted by blanks
	items         // parted by blanks and commas
)

// table are the settings that are no plain text, by their sort: dovecot 2.3's
// setting_defines. Lists are texts to its parser; what reads them parts them.
var table = map[sort]string{
	flag: `auth_cache_verify_password_with_worker auth_debug auth_debug_passwords auth_policy_check_after_auth auth_policy_check_before_auth
		auth_policy_log_only auth_policy_reject_on_fail auth_policy_report_after_auth auth_ssl_require_client_cert auth_ssl_username_from_cert
		auth_stats auth_use_winbind auth_verbose disable_plaintext_auth dotlock_use_excl imap_id_retain imap_literal_minus imap_metadata
		imapc_ssl_verify lda_mailbox_autocreate lda_mailbox_autosubscribe lmtp_add_received_header lmtp_proxy lmtp_rcpt_check_quota
		lmtp_save_to_detail_mailbox lmtp_verbose_replies mail_debug mail_full_filesystem_access mail_nfs_index mail_nfs_storage mail_save_crlf
		mail_shared_explicit_inbox mailbox_list_index mailbox_list_index_include_inbox mailbox_list_index_very_dirty_syncs
		maildir_broken_filename_sizes maildir_copy_with_hardlinks maildir_empty_new maildir_stat_dirs maildir_very_dirty_syncs
		mbox_dirty_syncs mbox_lazy_writes mbox_very_dirty_syncs mdbox_preallocate_space mmap_disable pop3_enable_last
		pop3_fast_size_lookups pop3_lock_session pop3_no_flag_updates pop3_reuse_xuidl pop3_save_uidl pop3c_quick_received_date
		pop3c_ssl_verify quota_full_tempfail shutdown_clients ssl_client_require_valid_cert ssl_prefer_server_ciphers ssl_require_crl
		ssl_verify_client_cert submission_relay_ssl_verify submission_relay_trusted verbose_proctitle verbose_ssl version_ignore`,
	number: `auth_policy_hash_truncate auth_policy_server_timeout_msecs auth_worker_max_count default_client_limit default_process_limit
		director_max_parallel_kicks director_max_parallel_moves doveadm_port doveadm_proxy_port doveadm_worker_count
		dsync_commit_msgs_interval first_valid_gid first_valid_uid imap_urlauth_port imapc_connection_retry_count imapc_port last_valid_gid
		last_valid_uid lmtp_user_concurrency_limit login_proxy_max_reconnects mail_cache_min_mail_count
		mail_cache_purge_continued_percentage mail_cache_purge_delete_percentage mail_cache_purge_header_continue_count
		mail_max_keyword_length mail_max_userip_connections mail_prefetch_count mail_sort_max_read_count mail_vsize_bg_after_count
		pop3c_port replication_max_conns replicator_port submission_max_recipients submission_relay_port`,
	interval: `auth_cache_negative_ttl auth_cache_ttl auth_failure_delay default_idle_kill director_ping_idle_timeout
		director_ping_max_timeout director_user_expire director_user_kick_delay haproxy_timeout imap_hibernate_timeout
		imap_idle_notify_interval imapc_cmd_timeout imapc_max_idle_time login_proxy_max_disconnect_delay
		mail_cache_unaccessed_field_drop mail_index_log2_max_age mail_index_log_rotate_min_age mail_max_lock_timeout
		mail_temp_scan_interval mailbox_idle_check_interval mbox_dotlock_change_timeout mbox_lock_timeout mdbox_rotate_interval
		replication_full_sync_interval submission_relay_max_idle_time submission_timeout`,
	millis: `imapc_connection_retry_interval login_proxy_timeout submission_relay_command_timeout submission_relay_connect_timeout`,
	size: `auth_cache_size config_cache_size default_vsz_limit director_output_buffer_size imap_max_line_length imapc_max_line_length
		mail_attachment_min_size mail_cache_max_size mail_cache_purge_min_size mail_cache_record_max_size mail_index_log_rotate_max_size
		mail_index_log_rotate_min_size mail_index_rewrite_max_log_bytes mail_index_rewrite_min_log_bytes mbox_min_index_size
		mdbox_rotate_size submission_max_mail_size`,
	words: `auth_mechanisms auth_realms director_mail_servers director_servers dsync_features dsync_hashed_headers imap_client_workarounds
		imapc_features imapc_sasl_mechanisms import_environment lmtp_client_workarounds login_access_sockets login_log_format_elements
		login_plugins mail_always_cache_fields mail_cache_fields mail_never_cache_fields mail_plugins mbox_read_locks mbox_write_locks
		pop3_client_workarounds pop3c_features protocols`,
	items: `haproxy_trusted_networks listen login_source_ips login_trusted_networks ssl_options submission_client_workarounds`,
}

// blockTable are those that only blocks of a type have.
var blockTable = map[string]map[sort]string{
	"passdb": {flag: `deny pass master`, items: `mechanisms`},
	"namespace": {flag: `inbox hidden subscriptions ignore_on_failure disabled`,
		number: `order`},
	"mailbox": {interval: `autoexpunge`, number: `autoexpunge_max_mails`},
	"service": {flag: `drop_priv_before_exec`, number: `process_min_avail process_limit client_limit service_count`,
		interval: `idle_kill`, size: `vsz_limit`},
	"inet_listener":  {flag: `ssl reuse_port haproxy`, number: `port`, words: `address`},
	"unix_listener":  {octal: `mode`},
	"fifo_listener":  {octal: `mode`},
	"event_exporter": {millis: `transport_timeout`},
	"plugin":         {},
	"dict":           {},
	"userdb":         {},
	"metric":         {words: `fields group_by`},
}

// sorts are the tables by names: of all settings, and those of a type of block.
var sorts = sync.OnceValue(func() map[string]map[string]sort {
	all := map[string]map[string]sort{"": byName(table)}
	for block, t := range blockTable {
		all[block] = byName(t)
	}
	return all
})

func byName(t map[sort]string) map[string]sort {
	m := map[string]sort{}
	for s, names := range t {
		for name := range strings.FieldsSeq(names) {
			m[name] = s
		}
	}
	return m
}

// sortOf is the sort of a setting in a block of a type, "" for the file itself.
// Blocks that only say when their settings hold have those of the file.
func sortOf(block, name string) sort {
	if own, ok := sorts()[block]; ok {
		return own[name]
	}
	return sorts()[""][name]
}

// secret tells whether a setting holds what doveconf hides (doveconf.c), a password
// or a text that has one in it, or one of the .ext files' passwords.
func secret(name, value string) bool {
	for _, end := range []string{"password", "_key", "_nonce", "secret", "dnpass"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return hidden().MatchString(value)
}
