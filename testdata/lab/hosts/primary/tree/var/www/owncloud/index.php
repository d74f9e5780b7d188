<?php
// A stand-in for ownCloud: it shows which pool runs it, and what its database says.
$CONFIG = [];
require __DIR__ . '/config/config.php';
header('Content-Type: text/plain; charset=utf-8');
echo "mark:owncloud pool:", getenv('RIO_POOL') ?: 'none', " user:", get_current_user(), "\n";
echo "trusted:", implode(',', $CONFIG['trusted_domains']), "\n";
if (isset($_GET['db'])) {
    mysqli_report(MYSQLI_REPORT_OFF);
    $db = @mysqli_connect($CONFIG['dbhost'], $CONFIG['dbuser'], $CONFIG['dbpassword'], $CONFIG['dbname']);
    if (!$db) {
        http_response_code(503);
        echo "database:unavailable\n";
        exit;
    }
    foreach (mysqli_query($db, 'SELECT path, size FROM oc_filecache ORDER BY path') as $row) {
        echo "file:{$row['path']} {$row['size']}\n";
    }
}
