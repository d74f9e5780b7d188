<?php
// A stand-in for WordPress: it shows which pool runs it, and the posts of its database.
require __DIR__ . '/wp-config.php';
header('Content-Type: text/plain; charset=utf-8');
echo "mark:wordpress pool:", getenv('RIO_POOL') ?: 'none', " memory:", ini_get('memory_limit'), "\n";
if (isset($_GET['db'])) {
    mysqli_report(MYSQLI_REPORT_OFF);
    $db = @mysqli_connect(DB_HOST, DB_USER, DB_PASSWORD, DB_NAME);
    if (!$db) {
        http_response_code(503);
        echo "database:unavailable\n";
        exit;
    }
    mysqli_set_charset($db, 'utf8mb4');
    foreach (mysqli_query($db, 'SELECT id, post_title FROM wp_posts ORDER BY id') as $row) {
        echo "post:{$row['id']} {$row['post_title']}\n";
    }
}
