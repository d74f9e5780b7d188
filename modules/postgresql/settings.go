package postgresql

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"hikae/engine"
	"hikae/engine/lens/postgresql"
	"hikae/modules/internal/lensput"
)

// form is how PostgreSQL reads a setting's value: vartype and unit of
// pg_settings.
type form int

const (
	text   form = iota // and all that hikae does not know
	enum               // one of some words
	flag               // on and off
	number             // without a unit
	memory             // a number, with B, kB, MB, GB or TB
	span               // of time: a number, with us, ms, s, min, h or d
	list               // names parted by commas
)

// forms are the settings of PostgreSQL 10 to 17 that are not just text, in
// lower case.
var forms = func() map[string]form {
	m := map[string]form{}
	for f, names := range map[form]string{
		list: `datestyle debug_io_direct listen_addresses local_preload_libraries log_destination
			restrict_nonsystem_relation_kind search_path session_preload_libraries shared_preload_libraries
			temp_tablespaces unix_socket_directories wal_consistency_checking`,
		flag: `allow_alter_system allow_in_place_tablespaces allow_system_table_mods array_nulls autovacuum bonjour
			check_function_bodies data_sync_retry db_user_namespace debug_logical_replication_streaming debug_pretty_print
			debug_print_parse debug_print_plan debug_print_rewritten default_transaction_deferrable
			default_transaction_read_only default_with_oids enable_async_append enable_bitmapscan enable_gathermerge
			enable_group_by_reordering enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
			enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append
			enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join
			enable_presorted_aggregate enable_seqscan enable_sort enable_tidscan escape_string_warning event_triggers
			exit_on_error fsync full_page_writes geqo gss_accept_delegation hot_standby hot_standby_feedback
			ignore_checksum_failure ignore_invalid_pages ignore_system_indexes jit jit_debugging_support jit_dump_bitcode
			jit_expressions jit_profiling_support jit_tuple_deforming krb_caseins_users lo_compat_privileges log_checkpoints
			log_connections log_disconnections log_duration log_executor_stats log_hostname log_lock_waits log_parser_stats
			log_planner_stats log_recovery_conflict_waits log_replication_commands log_statement_stats
			log_truncate_on_rotation logging_collector operator_precedence_warning parallel_leader_participation
			quote_all_identifiers recovery_target_inclusive remove_temp_files_after_crash restart_after_crash row_security
			send_abort_for_crash send_abort_for_kill ssl ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers
			standard_conforming_strings summarize_wal sync_replication_slots synchronize_seqscans syslog_sequence_numbers
			syslog_split_messages trace_connection_negotiation trace_notify trace_sort track_activities
			track_commit_timestamp track_counts track_io_timing track_wal_io_timing transform_null_equals
			update_process_title wal_init_zero wal_log_hints wal_receiver_create_temp_slot wal_recycle zero_damaged_pages`,
		number: `autovacuum_analyze_scale_factor autovacuum_analyze_threshold autovacuum_freeze_max_age
			autovacuum_max_workers autovacuum_multixact_freeze_max_age autovacuum_vacuum_cost_limit
			autovacuum_vacuum_insert_scale_factor autovacuum_vacuum_insert_threshold autovacuum_vacuum_scale_factor
			autovacuum_vacuum_threshold bgwriter_lru_maxpages bgwriter_lru_multiplier checkpoint_completion_target
			commit_delay commit_siblings cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction
			debug_discard_caches default_statistics_target effective_io_concurrency extra_float_digits from_collapse_limit
			geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_fuzzy_search_limit
			hash_mem_multiplier jit_above_cost jit_inline_above_cost jit_optimize_above_cost join_collapse_limit
			log_statement_sample_rate log_transaction_sample_rate maintenance_io_concurrency max_connections
			max_files_per_process max_locks_per_transaction max_logical_replication_workers max_notify_queue_pages
			max_parallel_apply_workers_per_subscription max_parallel_maintenance_workers max_parallel_workers
			max_parallel_workers_per_gather max_pred_locks_per_page max_pred_locks_per_relation
			max_pred_locks_per_transaction max_prepared_transactions max_replication_slots max_sync_workers_per_subscription
			max_wal_senders max_worker_processes parallel_setup_cost parallel_tuple_cost port random_page_cost
			recursive_worktable_factor reserved_connections scram_iterations seq_page_cost superuser_reserved_connections
			tcp_keepalives_count vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss
			vacuum_defer_cleanup_age vacuum_failsafe_age vacuum_freeze_min_age vacuum_freeze_table_age
			vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age wal_keep_segments`,
		memory: `autovacuum_work_mem backend_flush_after bgwriter_flush_after checkpoint_flush_after commit_timestamp_buffers
			effective_cache_size gin_pending_list_limit huge_page_size io_combine_limit log_parameter_max_length
			log_parameter_max_length_on_error log_rotation_size log_temp_files logical_decoding_work_mem
			maintenance_work_mem max_slot_wal_keep_size max_stack_depth max_wal_size min_dynamic_shared_memory
			min_parallel_index_scan_size min_parallel_table_scan_size min_wal_size multixact_member_buffers
			multixact_offset_buffers notify_buffers serializable_buffers shared_buffers subtransaction_buffers temp_buffers
			temp_file_limit track_activity_query_size transaction_buffers vacuum_buffer_usage_limit wal_buffers
			wal_decode_buffer_size wal_keep_size wal_skip_threshold wal_writer_flush_after work_mem`,
		span: `archive_timeout authentication_timeout autovacuum_naptime autovacuum_vacuum_cost_delay bgwriter_delay
			checkpoint_timeout checkpoint_warning client_connection_check_interval deadlock_timeout
			idle_in_transaction_session_timeout idle_session_timeout lock_timeout log_autovacuum_min_duration
			log_min_duration_sample log_min_duration_statement log_rotation_age log_startup_progress_interval
			max_standby_archive_delay max_standby_streaming_delay old_snapshot_threshold post_auth_delay pre_auth_delay
			recovery_min_apply_delay statement_timeout tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout
			transaction_timeout vacuum_cost_delay wal_receiver_status_interval wal_receiver_timeout
			wal_retrieve_retry_interval wal_sender_timeout wal_summary_keep_time wal_writer_delay`,
		enum: `archive_mode backslash_quote bytea_output client_min_messages compute_query_id constraint_exclusion
			debug_parallel_query default_toast_compression default_transaction_isolation dynamic_shared_memory_type
			force_parallel_mode huge_pages icu_validation_level intervalstyle log_error_verbosity log_min_error_statement
			log_min_messages log_statement password_encryption plan_cache_mode recovery_init_sync_method recovery_prefetch
			recovery_target_action session_replication_role shared_memory_type ssl_max_protocol_version
			ssl_min_protocol_version stats_fetch_consistency sync_method synchronous_commit syslog_facility
			track_functions wal_compression wal_level wal_sync_method xmlbinary xmloption`,
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = f
		}
	}
	return m
}()

var (
	sizeForm   = engine.Form(`^-?[0-9]+(\.[0-9]+)?\s*(B|kB|MB|GB|TB)?$`)
	timeForm   = engine.Form(`^-?[0-9]+(\.[0-9]+)?\s*(us|ms|s|min|h|d)?$`)
	numberForm = engine.Form(`^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$`)
)

// words of parse_bool of PostgreSQL, whole or as they may be cut short.
func boolOf(s string) (value, ok bool) {
	s = strings.ToLower(s)
	for word, least := range map[string]int{"true": 1, "yes": 1, "on": 2, "1": 1, "false": 1, "no": 1, "off": 2, "0": 1} {
		if len(s) >= least && strings.HasPrefix(word, s) {
			return word == "true" || word == "yes" || word == "on" || word == "1", true
		}
	}
	return false, false
}

// boolText is a value of on and off in the words that stood there.
func boolText(old string, v bool) string {
	for _, pair := range [][2]string{{"yes", "no"}, {"true", "false"}, {"1", "0"}} {
		if strings.EqualFold(old, pair[0]) || strings.EqualFold(old, pair[1]) {
			return pair[map[bool]int{true: 0, false: 1}[v]]
		}
	}
	return map[bool]string{true: "on", false: "off"}[v]
}

// secret tells whether a value may hold a password.
func secret(name, value string) bool {
	return strings.Contains(strings.ToLower(value), "password") && forms[name] == text || name == "ssl_passphrase_command"
}

// value is what a setting is; false where cty cannot hold it, or may not.
func value(name, s string) (cty.Value, bool) {
	if !utf8.ValidString(s) || cty.NormalizeString(s) != s || secret(name, s) {
		return cty.NilVal, false
	}
	switch forms[name] {
	case flag:
		if b, ok := boolOf(s); ok {
			return cty.BoolVal(b), true
		}
	case number:
		if numberForm().MatchString(s) && s != "-0" {
			v, err := cty.ParseNumberVal(s)
			return v, err == nil
		}
	case list:
		if items, ok := splitList(s); ok {
			return lensput.Strings(items), true
		}
	}
	return cty.StringVal(s), true
}

// splitList parts a list as SplitIdentifierString and its kin do; false where
// it is none.
func splitList(s string) ([]string, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, true
	}
	var items []string
	for {
		var item string
		if s != "" && s[0] == '"' {
			end := 1
			for {
				i := strings.IndexByte(s[end:], '"')
				if i < 0 {
					return nil, false
				}
				if end += i + 1; end == len(s) || s[end] != '"' {
					break
				}
				end++
			}
			item, s = strings.ReplaceAll(s[1:end-1], `""`, `"`), strings.TrimSpace(s[end:])
		} else {
			stop := strings.IndexByte(s+",", ',')
			item, s = strings.TrimSpace(s[:stop]), s[stop:]
		}
		if item == "" || s != "" && s[0] != ',' {
			return nil, false
		}
		items = append(items, item)
		if s == "" {
			return items, true
		}
		s = strings.TrimSpace(s[1:])
	}
}

// joinList writes a list.
func joinList(items []string) string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = item
		if strings.ContainsAny(item, ", \t\n\"") {
			out[i] = `"` + strings.ReplaceAll(item, `"`, `""`) + `"`
		}
	}
	return strings.Join(out, ", ")
}

// says gives the text of a value, where old stood before. A value that
// PostgreSQL would not take is an error.
func says(name, old string, v cty.Value) (string, error) {
	f := forms[name]
	switch f {
	case flag:
		b, err := convert.Convert(v, cty.Bool)
		if err != nil {
			return "", fmt.Errorf("%s is true or false", name)
		}
		return boolText(old, b.True()), nil
	case list:
		if l, err := convert.Convert(v, cty.List(cty.String)); err == nil {
			return listSays(name, l)
		}
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() {
		return "", fmt.Errorf("%s is one value, no list", name)
	}
	got := s.AsString()
	switch {
	case f == list:
		return "", fmt.Errorf("%s is a list of strings", name)
	case f == number && !numberForm().MatchString(got):
		return "", fmt.Errorf("%s is a number", name)
	case f == memory && !sizeForm().MatchString(got):
		return "", fmt.Errorf("%s is a size, as in 256MB: a number with B, kB, MB, GB or TB", name)
	case f == span && !timeForm().MatchString(got):
		return "", fmt.Errorf("%s is a time, as in 5min: a number with us, ms, s, min, h or d", name)
	case strings.Contains(got, "\x00") || !utf8.ValidString(got):
		return "", errors.New("a value is text in UTF-8")
	case secret(name, got):
		return "", fmt.Errorf("%s would stand in the project with its password: write the file, with content from secret()", name)
	}
	return got, nil
}

func listSays(name string, l cty.Value) (string, error) {
	var items []string
	for it := l.ElementIterator(); it.Next(); {
		_, item := it.Element()
		if item.IsNull() || item.AsString() == "" || strings.TrimSpace(item.AsString()) != item.AsString() || strings.Contains(item.AsString(), "\x00") || !utf8.ValidString(item.AsString()) {
			return "", fmt.Errorf("an item of %s is not empty and has no blanks around it", name)
		}
		items = append(items, item.AsString())
	}
	return joinList(items), nil
}

// written is a value as it is to stand in the file, where another stood as a
// word, or none.
func written(name, word, says string) string {
	f := forms[name]
	quoted := strings.HasPrefix(word, "'") || word == "" && (f == text || f == list)
	if quoted || !postgresql.Plain(says) {
		return postgresql.Quote(says)
	}
	return says
}
